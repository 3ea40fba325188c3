/* Which results are streamed: those that no cache holds, unless their memory was never written to. The rule is internal, so that its source is
 * compiled into this program. */
#include "../../Sources/CShims/streams.c"
#include <string.h>

#include "check.h"

int main(void) {
    const size_t size = (size_t)48 << 20;
    unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    least_streamed = too_large_for_caches;
    errno = 7;
    CHECK(!bgi_streams(memory, size));
    CHECK(!bgi_streams(memory + 12, size - 12));
    memset(memory, 1, size / 4);
    CHECK(!bgi_streams(memory, size));
    memset(memory, 1, size);
    CHECK(bgi_streams(memory, size));
    CHECK(bgi_streams(memory + 12, size - 12));
    CHECK(!bgi_streams(memory, too_large_for_caches - 1));
    /* What the system does not tell is taken for memory that was written to. */
    CHECK(munmap(memory, size) == 0);
    CHECK(bgi_streams(memory, size));
    CHECK(errno == 7);
    least_streamed = 0;
    CHECK(bgi_streams(memory, 1));
    least_streamed = SIZE_MAX;
    CHECK(!bgi_streams(memory, size));
    return failures != 0;
}

/* The header compiles alone, before any other, and twice. */
#include <boxgrad.h>
#include <boxgrad.h>

int main(void) {
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    return options.size == sizeof options ? 0 : 1;
}

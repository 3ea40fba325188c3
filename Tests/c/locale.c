/* A host whose locale writes numbers otherwise: locale NAME... The errors' numbers are the same in each, and the locale stays. */
#include <boxgrad.h>
#include <locale.h>
#include <string.h>

#include "check.h"

enum { sentences = 8, longest = 256 };

/* What the library says of numbers that it does not like. */
static void fail(char said[sentences][longest]) {
    static const double numbers[sentences] = {-0.1, -1234567.25, -1e-300, -1.5e300, -INFINITY, NAN, -3, -4503599627370497.5};
    for (int k = 0; k < sentences; k++) {
        CHECK(boxgrad_clip_grad_value(NULL, 0, numbers[k]) == BOXGRAD_BAD_PARAMETER);
        CHECK(strlen(boxgrad_last_error()) < longest);
        strcpy(said[k], boxgrad_last_error());
    }
}

int main(int argc, char **argv) {
    static char wanted[sentences][longest], got[sentences][longest], name[longest];
    fail(wanted);
    CHECK(strstr(wanted[0], "(got -0.1)") && strstr(wanted[1], "(got -1234567.25)"));
    CHECK(argc > 1);
    for (int k = 1; k < argc; k++) {
        char number[16];
        if (!setlocale(LC_ALL, argv[k])) {
            CHECK(!"the locale is there");
            continue;
        }
        strcpy(name, setlocale(LC_ALL, NULL));
        snprintf(number, sizeof number, "%g", 0.5);
        CHECK(strcmp(number, "0.5") != 0);
        fail(got);
        CHECK(memcmp(got, wanted, sizeof got) == 0);
        CHECK(strcmp(setlocale(LC_ALL, NULL), name) == 0);

        const locale_t of_thread = newlocale(LC_ALL_MASK, argv[k], (locale_t)0);
        setlocale(LC_ALL, "C");
        uselocale(of_thread);
        fail(got);
        CHECK(memcmp(got, wanted, sizeof got) == 0);
        CHECK(uselocale((locale_t)0) == of_thread);
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(of_thread);
    }
    return failures != 0;
}

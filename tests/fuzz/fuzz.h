/* fuzz.h: a harness is one function, LLVMFuzzerTestOneInput. libFuzzer calls it (tests/fuzz/run.sh); compiled with
   -DFUZZ_MAIN and any compiler the harness is a program that gives it each file named on its command line. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#ifdef FUZZ_MAIN
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE  *f = fopen(argv[i], "rb");
        long   n = f && !fseek(f, 0, SEEK_END) ? ftell(f) : -1;
        uint8_t *bytes = n >= 0 ? malloc((size_t)n + !n) : NULL;            /* no byte more: a sanitizer sees the end */
        bool   read = bytes && !fseek(f, 0, SEEK_SET) && fread(bytes, 1, (size_t)n, f) == (size_t)n;
        if (f) fclose(f);
        if (read) LLVMFuzzerTestOneInput(bytes, (size_t)n);
        else fprintf(stderr, "cannot read %s\n", argv[i]);
        free(bytes);
        if (!read) return 1;
    }
    printf("%d inputs\n", argc - 1);
    return 0;
}
#endif
#endif

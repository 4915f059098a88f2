/* What a native library can do to the program that calls it. */
#ifndef OKI_DEATHS_H
#define OKI_DEATHS_H

#include <stdint.h>

/*
 * Commits `fault` (an enum oki_fault) with its `number`, at the start of a call. Returns OKI_DONE if the
 * call is to do its work, or what it is to return instead.
 */
int32_t oki_strike(uint32_t fault, uint32_t number);

#endif

/*
 * A filter of your own: one C function in a shared object, one call a tile.
 *
 *     okiagari run --operation lib:./libmine.so:my_filter[:PARAMETERS] IN --out DIR
 *
 * It runs in a worker process. Whatever it does there (crash, exit, hang) costs a tile an attempt, and no
 * other tile anything. docs/tutorial-library.md goes through an example.
 */
#ifndef OKIAGARI_H
#define OKIAGARI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this file. A number that you do not know means fields that you do not know. */
#define OKIAGARI_ABI 1u

/*
 * One tile: what goes in, and room for what comes out. Pixels are rows from the top without padding, samples
 * interleaved, 16-bit samples in the machine's byte order. The output has the same shape as the input. The two
 * buffers do not overlap, are aligned as malloc aligns, and are not to be used after the call.
 */
struct okiagari_tile {
    uint32_t abi;           /* OKIAGARI_ABI of the program that calls */
    uint32_t width;         /* pixels, at least 1 */
    uint32_t height;        /* pixels, at least 1 */
    uint32_t channels;      /* 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA */
    uint32_t depth_bits;    /* of a sample: 8 or 16 */
    uint32_t scene;         /* which picture of the input, from 0 */
    uint64_t x;             /* of its left edge in that picture, pixels */
    uint64_t y;             /* of its upper edge in that picture, pixels */
    uint64_t item;          /* its number among all tiles, from 0 */
    const void *input;      /* input_bytes of pixels, for reading */
    void *output;           /* output_bytes for pixels, all zero at first */
    uint64_t input_bytes;   /* width * height * channels * depth_bits / 8 */
    uint64_t output_bytes;  /* the same */
    const char *parameters; /* what stands behind the second colon; "" when nothing does */
};

/*
 * What a filter looks like. 0: the output is done. Any other code: this tile failed; it is tried again, and set
 * aside when its attempts are used up. It is called from one thread of a worker process, and from several at once
 * with --subject baseline or broadway. The same input must always give the same output.
 */
typedef int32_t okiagari_filter(const struct okiagari_tile *tile);

#ifdef __cplusplus
}
#endif

#endif

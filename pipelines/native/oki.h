/* The native side of Okiagari: one call, one tile. */
#ifndef OKI_H
#define OKI_H

#include <stdint.h>

enum oki_operation {
    OKI_COPY = 0,
    OKI_GRAYSCALE = 1,
    OKI_BLUR = 2,
    OKI_SOBEL = 3,
};

enum oki_fault {
    OKI_FAULT_NONE = 0,
    OKI_FAULT_ABORT = 1,
    OKI_FAULT_SEGFAULT = 2,
    OKI_FAULT_EXIT = 3,
    OKI_FAULT_HANG = 4,
    OKI_FAULT_ERROR = 5,
};

enum oki_result {
    OKI_DONE = 0,
    OKI_ERROR_INJECTED = -1,
    OKI_ERROR_POINTER = -2,
    OKI_ERROR_SHAPE = -3,
    OKI_ERROR_OPERATION = -4,
    OKI_ERROR_RADIUS = -5,
    OKI_ERROR_FAULT = -6,
    OKI_ERROR_MEMORY = -7,
};

/*
 * What to do with one tile. Pixels are rows from the top without padding, samples interleaved, 16-bit
 * samples in the machine's byte order; neither buffer needs to be aligned, and they must not overlap.
 * `input` has width * height * channels samples of `depth` bits. `output` has as many, except for
 * OKI_GRAYSCALE: one channel, or two when the input carries alpha (2 or 4 channels).
 */
struct oki_task {
    uint32_t operation; /* enum oki_operation */
    uint32_t radius;    /* of OKI_BLUR, in pixels: 1 to 64; 0 for the others */
    uint32_t width;     /* pixels, at least 1 */
    uint32_t height;    /* pixels, at least 1 */
    uint32_t channels;  /* 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA */
    uint32_t depth;     /* bits a sample: 8 or 16 */
    const void *input;
    void *output;
    uint32_t fault;     /* enum oki_fault */
};

/* Returns OKI_DONE, or a negative enum oki_result; after an error `output` is not to be used. */
int32_t oki_process(const struct oki_task *task);

#endif

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

/* The codes of the table of faults (src/fault/table.rs), of those that are native. */
enum oki_fault {
    OKI_FAULT_NONE = 0,
    OKI_FAULT_ABORT = 2,
    OKI_FAULT_SEGFAULT = 3,
    OKI_FAULT_EXIT = 4,
    OKI_FAULT_HANG = 5,
    OKI_FAULT_ERROR = 7,
    OKI_FAULT_BUS = 9,
    OKI_FAULT_ILLEGAL = 10,
    OKI_FAULT_FPE = 11,
    OKI_FAULT_TRAP = 12,
    OKI_FAULT_STACK_OVERFLOW = 13,
    OKI_FAULT_STACK_OVERFLOW_THREAD = 14,
    OKI_FAULT_UNWIND = 15,
    OKI_FAULT_LONGJMP = 16,
    OKI_FAULT_HEAP_CORRUPTION = 17,
    OKI_FAULT_SPIN = 18,
    OKI_FAULT_LEAK = 19,
    OKI_FAULT_WRONG_CODE = 20,
    OKI_FAULT_SLOW = 21,
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
    uint32_t fault;     /* enum oki_fault: what strikes at the start of the call */
    uint32_t number;    /* of OKI_FAULT_EXIT: the status; of OKI_FAULT_SLOW: milliseconds; else 0 */
};

/* Returns OKI_DONE, or a negative enum oki_result; after an error `output` is not to be used. */
int32_t oki_process(const struct oki_task *task);

#endif

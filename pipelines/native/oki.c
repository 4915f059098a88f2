/* One entry, four operations. Integers only, so that Rust gives the same bits. */
#include "deaths.h"
#include "oki.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RADIUS_MAX 64u

static inline uint32_t minimum(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Dividing by a box's width, exactly, without a division: see blur.rs for why these constants do. */
struct divisor {
    uint32_t multiplier;
    uint32_t shift;
    uint32_t half;
};

static struct divisor divisor_8(uint32_t n) {
    uint32_t shift = 0;
    while ((2u << shift) <= n) {
        shift++;
    }
    const uint32_t power = 1u << (16 + shift);
    return (struct divisor){(power + n - 1) / n, shift, n / 2};
}

static struct divisor divisor_16(uint32_t n) {
    const uint64_t power = (uint64_t)1 << 32;
    return (struct divisor){(uint32_t)((power + n - 1) / n), 0, n / 2};
}

static inline uint8_t divide_8(uint16_t sum, struct divisor by) {
    const uint16_t x = (uint16_t)(sum + by.half);
    return (uint8_t)((uint16_t)(((uint32_t)x * by.multiplier) >> 16) >> by.shift);
}

static inline uint16_t divide_16(uint32_t sum, struct divisor by) {
    return (uint16_t)(((uint64_t)(sum + by.half) * by.multiplier) >> 32);
}

#define SAMPLE uint8_t
#define SUM uint16_t
#define SIGNED int16_t
#define SAMPLE_MAX 255
#define NAME(stem) stem##_8
#define LUMA(r, g, b) (uint8_t)((77u * (r) + 150u * (g) + 29u * (b) + 128u) >> 8)
#include "kernels.inc"

#define SAMPLE uint16_t
#define SUM uint32_t
#define SIGNED int32_t
#define SAMPLE_MAX 65535
#define NAME(stem) stem##_16
#define LUMA(r, g, b) (uint16_t)((19595u * (r) + 38470u * (g) + 7471u * (b) + 32768u) >> 16)
#include "kernels.inc"

static int32_t check(const struct oki_task *task) {
    if (task == NULL || task->input == NULL || task->output == NULL) {
        return OKI_ERROR_POINTER;
    }
    if (task->width == 0 || task->height == 0 || task->channels < 1 || task->channels > 4 ||
        (task->depth != 8 && task->depth != 16)) {
        return OKI_ERROR_SHAPE;
    }
    /* 2^31 bytes a row keep every index below within 32 bits. */
    if ((uint64_t)task->width * task->channels * (task->depth / 8) > INT32_MAX) {
        return OKI_ERROR_SHAPE;
    }
    if (task->operation > OKI_SOBEL) {
        return OKI_ERROR_OPERATION;
    }
    if (task->operation == OKI_BLUR && (task->radius < 1 || task->radius > RADIUS_MAX)) {
        return OKI_ERROR_RADIUS;
    }
    return OKI_DONE;
}

int32_t oki_process(const struct oki_task *task) {
    int32_t state = check(task);
    if (state == OKI_DONE) {
        state = oki_strike(task->fault, task->number);
    }
    if (state != OKI_DONE) {
        return state;
    }
    const int wide = task->depth == 16;
    switch (task->operation) {
    case OKI_GRAYSCALE:
        wide ? grayscale_16(task) : grayscale_8(task);
        return OKI_DONE;
    case OKI_BLUR:
        return wide ? blur_16(task, divisor_16(2 * task->radius + 1))
                    : blur_8(task, divisor_8(2 * task->radius + 1));
    case OKI_SOBEL:
        return wide ? sobel_16(task) : sobel_8(task);
    default:
        memcpy(task->output, task->input,
               (size_t)task->width * task->height * task->channels * (task->depth / 8));
        return OKI_DONE;
    }
}

/* Every allocation of the program and of the libraries that it loads comes by here: one that is refused is written
   down, since a limit on memory leaves no signal, and what dies of it may die of anything. The allocator itself is the
   C library's. */
#include <errno.h>
#include <stddef.h>

void oki_refused(size_t bytes);

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static void *given(void *memory, size_t bytes) {
    if (memory == NULL && bytes > 0) {
        oki_refused(bytes);
        errno = ENOMEM;
    }
    return memory;
}

void *malloc(size_t bytes) { return given(__libc_malloc(bytes), bytes); }

void *calloc(size_t count, size_t bytes) {
    size_t all;
    const int too_many = __builtin_mul_overflow(count, bytes, &all);
    return given(__libc_calloc(count, bytes), too_many ? (size_t)-1 : all);
}

void *realloc(void *old, size_t bytes) { return given(__libc_realloc(old, bytes), bytes); }

void *memalign(size_t alignment, size_t bytes) {
    return given(__libc_memalign(alignment, bytes), bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    void *const got = memalign(alignment, bytes);
    if (got == NULL && bytes > 0) {
        return ENOMEM;
    }
    *memory = got;
    return 0;
}

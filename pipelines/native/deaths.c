/*
 * The native deaths. Each is the real thing where there is one: a signal that is raised has another si_code
 * than one that the processor reports, and no address, and whoever collects evidence must cope with both.
 */
#define _GNU_SOURCE
/* glibc then checks longjmp, as in the builds of most distributions; see jump(). */
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 2

#include "deaths.h"
#include "oki.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define PAGE 4096u
#define LEAK_BYTES ((size_t)64 << 20)
#define STACK_BYTES_MAX ((rlim_t)64 << 20)
#define THREAD_STACK_BYTES ((size_t)256 << 10)
#define CALLS_UNTIL_FREE 3

/* What no optimiser can know. */
static volatile uint32_t never = UINT32_MAX;
static volatile uintptr_t unmapped = 8;
static volatile uint64_t spun;

/* A block whose header this thread has overwritten, and in how many calls it will be freed. */
static _Thread_local struct {
    void *block;
    uint32_t calls;
} owed;

/* A page of a mapped file that was truncated since: what an image library meets whose input shrinks. */
static void touch_beyond_the_end(void) {
    const int file = memfd_create("oki-bus", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, PAGE) != 0) {
        return;
    }
    volatile char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page != MAP_FAILED && ftruncate(file, 0) == 0) {
        *page = 1;
    }
}

static void execute_nonsense(void) {
#ifdef __x86_64__
    __asm__ volatile("ud2");
#endif
}

/* In assembly: a division by zero in C is undefined, and on some processors just 0. */
static void divide_by_zero(void) {
#ifdef __x86_64__
    uint32_t low = 1, high = 0;
    __asm__ volatile("divl %2" : "+a"(low), "+d"(high) : "r"(0) : "cc");
#endif
}

static void break_here(void) {
#ifdef __x86_64__
    __asm__ volatile("int3");
#endif
}

/* A frame is smaller than a page, so that it cannot step over the guard page. */
static __attribute__((noinline)) uint32_t descend(uint32_t depth) {
    volatile char frame[512];
    frame[depth % sizeof frame] = (char)depth;
    if (depth == never) {
        return 0;
    }
    /* Both the call and the frame are needed afterwards: this is no loop. */
    return descend(depth + 1) + (uint32_t)frame[depth % sizeof frame];
}

/*
 * On a thread of Rust's, its handler runs on a stack of its own, sees the guard page, and turns SIGSEGV into
 * SIGABRT. A main thread whose stack has no limit would eat the machine first: it gets one.
 */
static void overflow(void) {
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur > STACK_BYTES_MAX) {
        stack.rlim_cur = STACK_BYTES_MAX;
        setrlimit(RLIMIT_STACK, &stack);
    }
    descend(0);
}

static void *descend_in_thread(void *unused) {
    descend(0);
    return unused;
}

/* A thread that Rust does not know has no second stack: no handler can run, and the kernel kills. */
static void overflow_in_thread(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    if (pthread_create(&thread, &attributes, descend_in_thread, NULL) == 0) {
        pthread_join(thread, NULL);
    }
}

/*
 * An exception of no language that anybody here knows, as of a C++ library that lets one out. Rust frames are
 * unwound; the first catch_unwind cannot hold it, and aborts. It returns only if nobody would catch it.
 */
static void throw_foreign(void) {
    static _Thread_local struct _Unwind_Exception foreign = {.exception_class = 0x4f4b490046415554};
    _Unwind_RaiseException(&foreign);
    abort();
}

static __attribute__((noinline)) void mark(jmp_buf here) {
    volatile char deep[2 * PAGE];
    deep[0] = 0;
    if (setjmp(here) != 0) {
        deep[1] = deep[0];
    }
}

static __attribute__((noinline)) void overwrite(void) {
    volatile char all[4 * PAGE];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = 0;
    }
}

/*
 * To a function that has returned. A checked longjmp (glibc) sees that the target lies below the stack that
 * is in use, and aborts. An unchecked one goes there, finds that its return address was overwritten, and
 * returns to 0: SIGSEGV.
 */
static void jump(void) {
    jmp_buf gone;
    mark(gone);
    overwrite();
    longjmp(gone, 1);
}

/*
 * A buffer underrun: the size that malloc keeps right before a block becomes one that no block can have.
 * Nothing happens until the block is freed, some calls later, which is when glibc looks at it and aborts. It
 * is bound to the thread, so that whoever pays is the worker that ran the faulty call.
 */
static int32_t corrupt_heap(void) {
    char *block = malloc(PAGE);
    if (block == NULL) {
        return OKI_ERROR_MEMORY;
    }
    volatile uintptr_t header = (uintptr_t)block - sizeof(size_t);
    *(volatile size_t *)header = 0x4949494949494949u & SIZE_MAX;
    owed.block = block;
    owed.calls = CALLS_UNTIL_FREE;
    return OKI_DONE;
}

static void free_what_is_owed(void) {
    if (--owed.calls == 0) {
        void *block = owed.block;
        owed.block = NULL;
        free(block);
    }
}

/* Touched, or the kernel would not count it. */
static int32_t leak(void) {
    volatile char *block = malloc(LEAK_BYTES);
    if (block == NULL) {
        return OKI_ERROR_MEMORY;
    }
    for (size_t i = 0; i < LEAK_BYTES; i += PAGE) {
        block[i] = 1;
    }
    return OKI_DONE;
}

static int32_t doze(uint32_t ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    return OKI_DONE;
}

int32_t oki_strike(uint32_t fault, uint32_t number) {
    if (owed.block != NULL) {
        free_what_is_owed();
    }
    switch (fault) {
    case OKI_FAULT_NONE:
        return OKI_DONE;
    case OKI_FAULT_ERROR:
        return OKI_ERROR_INJECTED;
    case OKI_FAULT_WRONG_CODE:
        return 77;
    case OKI_FAULT_SLOW:
        return doze(number);
    case OKI_FAULT_LEAK:
        return leak();
    case OKI_FAULT_HEAP_CORRUPTION:
        return corrupt_heap();
    case OKI_FAULT_HANG:
        for (;;) {
            pause();
        }
    case OKI_FAULT_SPIN:
        for (;;) {
            spun++;
        }
    case OKI_FAULT_EXIT:
        exit((int)number);
    case OKI_FAULT_ABORT:
        abort();
    case OKI_FAULT_SEGFAULT:
        *(volatile uint32_t *)unmapped = 1;
        break;
    /* Where the real thing cannot be had, the signal alone. */
    case OKI_FAULT_BUS:
        touch_beyond_the_end();
        raise(SIGBUS);
        break;
    case OKI_FAULT_ILLEGAL:
        execute_nonsense();
        raise(SIGILL);
        break;
    case OKI_FAULT_FPE:
        divide_by_zero();
        raise(SIGFPE);
        break;
    case OKI_FAULT_TRAP:
        break_here();
        raise(SIGTRAP);
        break;
    case OKI_FAULT_STACK_OVERFLOW:
        overflow();
        break;
    case OKI_FAULT_STACK_OVERFLOW_THREAD:
        overflow_in_thread();
        break;
    case OKI_FAULT_UNWIND:
        throw_foreign();
        break;
    case OKI_FAULT_LONGJMP:
        jump();
        break;
    default:
        break;
    }
    /* Unknown, or survived. */
    return OKI_ERROR_FAULT;
}

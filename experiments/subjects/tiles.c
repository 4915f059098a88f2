/* A plain C program that cuts a picture into tiles, with a process for each worker.
 *
 *     cc -O2 -o tiles tiles.c
 *     tiles INPUT.ppm OUT NAME TILE WORKERS OPERATION
 *
 * It reads binary PPM or PGM of 8 bits and writes raw pixels: no library is needed. Worker W of N does each N-th tile,
 * from the W-th. If one dies, another does what is missing of its tiles; after too many deaths it stays dead. */

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED = 2, WORKERS_MAX = 128, DEATHS_MAX = 10 };

struct picture {
    long width, height, channels;
    unsigned char *pixels;
};

struct job {
    struct picture picture;
    const char *out, *name;
    long side, workers;
    int grayscale;
};

static void refuse(const char *format, ...) {
    va_list words;
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fputc('\n', stderr);
    exit(REFUSED);
}

static long number(FILE *file) {
    int c = fgetc(file);
    while (isspace(c)) c = fgetc(file);
    long n = 0;
    for (; isdigit(c) && n < INT_MAX; c = fgetc(file)) n = 10 * n + (c - '0');
    return n; /* and one byte of white space after it is read */
}

static struct picture read_picture(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) refuse("%s cannot be read: %s", path, strerror(errno));
    struct picture p = {0};
    int kind = fgetc(file) == 'P' ? fgetc(file) : 0;
    p.channels = kind == '6' ? 3 : kind == '5' ? 1 : 0;
    p.width = number(file);
    p.height = number(file);
    if (!p.channels || p.width < 1 || p.height < 1 || number(file) != 255)
        refuse("%s is no binary PPM or PGM of 8 bits", path);
    size_t bytes = (size_t)p.width * p.height * p.channels;
    p.pixels = malloc(bytes);
    if (!p.pixels || fread(p.pixels, 1, bytes, file) != bytes) refuse("%s is not whole", path);
    fclose(file);
    return p;
}

/* Writes one tile under another name, and renames it: no half of it is ever taken for it. */
static int save(const struct job *job, long row, long column) {
    const struct picture *p = &job->picture;
    char partial[PATH_MAX], path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s_%ld_%ld.raw", job->out, job->name, row, column);
    snprintf(partial, sizeof partial, "%s/.partial/%s_%ld_%ld.raw", job->out, job->name, row, column);
    if (access(path, F_OK) == 0) return 1;
    FILE *file = fopen(partial, "wb");
    if (!file) return 0;
    long x0 = column * job->side, y0 = row * job->side;
    long x1 = x0 + job->side < p->width ? x0 + job->side : p->width;
    long y1 = y0 + job->side < p->height ? y0 + job->side : p->height;
    for (long y = y0; y < y1; y++) {
        const unsigned char *at = p->pixels + (size_t)(y * p->width + x0) * p->channels;
        if (!job->grayscale || p->channels == 1) {
            fwrite(at, p->channels, x1 - x0, file);
            continue;
        }
        /* Luma by BT.601 in fixed point, bit for bit as Okiagari has it. */
        for (long x = x0; x < x1; x++, at += 3)
            fputc((77 * at[0] + 150 * at[1] + 29 * at[2] + 128) >> 8, file);
    }
    int bad = ferror(file);
    return !(fclose(file) | bad) && rename(partial, path) == 0;
}

static void work(const struct job *job, long worker) {
    long columns = (job->picture.width + job->side - 1) / job->side;
    long rows = (job->picture.height + job->side - 1) / job->side;
    for (long tile = worker; tile < rows * columns; tile += job->workers)
        if (!save(job, tile / columns, tile % columns)) {
            perror("a tile cannot be written");
            _exit(1);
        }
    _exit(0);
}

static pid_t start(const struct job *job, long worker) {
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) work(job, worker);
    _exit(1);
}

int main(int argc, char **argv) {
    if (argc != 7) refuse("usage: tiles INPUT.ppm OUT NAME TILE WORKERS OPERATION");
    struct job job = {.out = argv[2], .name = argv[3], .side = atol(argv[4]), .workers = atol(argv[5])};
    job.grayscale = strcmp(argv[6], "grayscale") == 0;
    if (!job.grayscale && strcmp(argv[6], "none") != 0)
        refuse("tiles knows the operations none and grayscale, not %s", argv[6]);
    if (job.side < 1 || job.workers < 1 || job.workers > WORKERS_MAX)
        refuse("TILE is at least 1, and WORKERS from 1 to %d", WORKERS_MAX);
    job.picture = read_picture(argv[1]);
    pid_t pids[WORKERS_MAX];
    for (long worker = 0; worker < job.workers; worker++) pids[worker] = start(&job, worker);
    int status, deaths = 0, failed = 0;
    for (pid_t pid; (pid = wait(&status)) > 0;) {
        long worker = 0;
        while (worker < job.workers && pids[worker] != pid) worker++;
        if (WIFSIGNALED(status) && ++deaths <= DEATHS_MAX && worker < job.workers)
            pids[worker] = start(&job, worker);
        else
            failed |= status != 0;
    }
    return failed;
}

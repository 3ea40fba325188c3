/* What the two C programs of the demo share: errors, the three input files, and the results file.
 *
 * The results file holds one record per array, "dtype count group/name\n" followed by the raw little-endian elements; dtype
 * is NumPy's ("<f4", "<f8", "<u4"). results.py reads it. */
#ifndef DEMO_H
#define DEMO_H

#include <boxgrad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls a function of boxgrad and ends the program if it fails. */
#define TRY(call)                                                                                          \
    do {                                                                                                   \
        boxgrad_status try_status = (call);                                                                \
        if (try_status != BOXGRAD_OK) die(boxgrad_status_string(try_status), boxgrad_last_error());        \
    } while (0)

static inline void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static inline void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) die("calloc", "out of memory");
    return memory;
}

/* ---- Results -------------------------------------------------------------------------------------------------------- */

static inline void record(FILE *results, const char *group, const char *name, const char *dtype, const void *data, size_t count) {
    size_t size = (size_t)(dtype[2] - '0');
    if (fprintf(results, "%s %zu %s/%s\n", dtype, count, group, name) < 0 || fwrite(data, size, count, results) != count)
        die(name, "could not be written");
}

static inline FILE *open_results(const char *path) {
    FILE *results = fopen(path, "wb");
    if (!results) die(path, "could not be created");
    return results;
}

static inline void close_results(FILE *results, const char *path) {
    if (fclose(results)) die(path, "could not be written");
}

/* ---- Inputs --------------------------------------------------------------------------------------------------------- */

/* A whole file, terminated by a NUL byte that length does not count. */
static inline char *read_file(const char *directory, const char *name, size_t *length) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) die(directory, "path is too long");
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) die(path, "could not be read");
    long end = ftell(file);
    if (end < 0) die(path, "could not be read");
    rewind(file);
    char *text = allocate((size_t)end + 1, 1);
    if (fread(text, 1, (size_t)end, file) != (size_t)end) die(path, "could not be read");
    fclose(file);
    *length = (size_t)end;
    return text;
}

/* Reads count numbers, each after any punctuation of CSV or JSON. Returns whether they were all there. */
static inline int read_numbers(const char **cursor, size_t count, double *numbers) {
    for (size_t i = 0; i < count; i++) {
        *cursor += strspn(*cursor, " \t\r\n,:[");
        char *end;
        numbers[i] = strtod(*cursor, &end);
        if (end == *cursor) return 0;
        *cursor = end;
    }
    return 1;
}

/* Where the value of a JSON key begins, at or after cursor; NULL if there is no such key. The key comes with its quotes. */
static inline const char *json_value(const char *cursor, const char *key) {
    cursor = strstr(cursor, key);
    return cursor ? cursor + strlen(key) : NULL;
}

static inline void json_numbers(const char *json, const char *key, size_t count, double *numbers) {
    const char *cursor = json_value(json, key);
    if (!cursor || !read_numbers(&cursor, count, numbers)) die(key, "has no numbers");
}

/* The photo, and what counts as a proposal of the face. */
enum { IMAGE_SIZE = 512 };
#define POSITIVE_IOU 0.4

/* One row per candidate: x1, y1, x2, y2, score, and four corrections in units of the box's width and height, one per
 * corner coordinate (MTCNN's convention). */
enum { ROW = 9, CORRECTION = 5 };

static inline float *read_candidates(const char *directory, size_t *count) {
    size_t length, lines = 0;
    char *text = read_file(directory, "pnet_candidates_astronaut.csv", &length);
    for (const char *c = text; *c; c++) lines += *c == '\n';
    float *rows = allocate(lines * ROW, sizeof *rows);
    const char *cursor = text + strcspn(text, "\n"); /* behind the header */
    double numbers[1 + ROW];                         /* the pyramid level comes first */
    for (*count = 0; *count < lines && read_numbers(&cursor, 1 + ROW, numbers); ++*count)
        for (size_t k = 0; k < ROW; k++) rows[*count * ROW + k] = (float)numbers[1 + k];
    if (*cursor) die("pnet_candidates_astronaut.csv", "is malformed");
    free(text);
    return rows;
}

static inline void read_face(const char *directory, float face[4]) {
    size_t length;
    char *text = read_file(directory, "mtcnn_final_detections.json", &length);
    double numbers[4];
    json_numbers(text, "\"boxes\"", 4, numbers);
    for (size_t k = 0; k < 4; k++) face[k] = (float)numbers[k];
    free(text);
}

#endif

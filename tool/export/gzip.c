/* SPDX-License-Identifier: MIT */
#include "export/gzip.h"

#include <limits.h>
#include <stdlib.h>

#include "util.h"

#ifdef HT_HAS_ZLIB

#define ZLIB_CONST
#include <zlib.h>

struct gzip {
    FILE *out;
    z_stream stream;
    unsigned char compressed[64 * 1024];
};

#define GZIP_FORMAT 16 /* added to the window bits: with gzip's header, as zlib.h says */

struct gzip *gzip_open(FILE *out)
{
    struct gzip *gzip = must_malloc(sizeof *gzip);

    gzip->out = out;
    gzip->stream = (z_stream){0};
    if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP_FORMAT, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        die("out of memory for the report");
    return gzip;
}

/* Until all input is taken and, with Z_FINISH, all output written. */
static void compress_all(struct gzip *gzip, int flush)
{
    do {
        gzip->stream.next_out = gzip->compressed;
        gzip->stream.avail_out = sizeof gzip->compressed;
        if (deflate(&gzip->stream, flush) == Z_STREAM_ERROR)
            BUG("zlib found its stream damaged");
        fwrite(gzip->compressed, 1, sizeof gzip->compressed - gzip->stream.avail_out, gzip->out);
    } while (gzip->stream.avail_out == 0);
}

void gzip_write(struct gzip *gzip, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;

    while (size > 0) {
        uInt part = size > UINT_MAX ? UINT_MAX : (uInt)size;

        gzip->stream.next_in = from;
        gzip->stream.avail_in = part;
        compress_all(gzip, Z_NO_FLUSH);
        from += part;
        size -= part;
    }
}

void gzip_close(struct gzip *gzip)
{
    compress_all(gzip, Z_FINISH);
    deflateEnd(&gzip->stream);
    free(gzip);
}

#else

struct gzip {
    FILE *out;
};

struct gzip *gzip_open(FILE *out)
{
    struct gzip *gzip = must_malloc(sizeof *gzip);

    gzip->out = out;
    return gzip;
}

void gzip_write(struct gzip *gzip, const void *bytes, size_t size)
{
    fwrite(bytes, 1, size, gzip->out);
}

void gzip_close(struct gzip *gzip)
{
    free(gzip);
}

#endif

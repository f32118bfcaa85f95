#include "localaws/s3/segments.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const unsigned char key[SEGMENT_KEY] = "a key of exactly thirty-two byte";
static const unsigned char other[SEGMENT_KEY] = "b key of exactly thirty-two byte";
static char directory[] = "/tmp/segments.XXXXXX";
static char path[64];

static int enter(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/file", directory);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static unsigned char byte_at(uint64_t position)
{
    return (unsigned char)(position * 31 + position / 977);
}

/* `size` bytes in uneven portions. */
static void write_file(uint64_t size)
{
    struct segment_writer *writer = NULL;
    struct error err = {0};
    unsigned char portion[7919];
    unlink(path);
    assert_int_equal(segment_writer_open(path, key, &writer, &err), 0);
    for (uint64_t at = 0; at < size;) {
        size_t now = size - at < sizeof(portion) ? (size_t)(size - at) : sizeof(portion);
        for (size_t i = 0; i < now; i++)
            portion[i] = byte_at(at + i);
        assert_int_equal(segment_write(writer, portion, now, &err), 0);
        at += now;
    }
    assert_int_equal(segment_writer_finish(writer, &err), 0);
    segment_writer_free(&writer);
}

static void assert_reads_back(uint64_t size, uint64_t from)
{
    struct segment_reader *reader = NULL;
    struct error err = {0};
    unsigned char bytes[5000];
    size_t length;
    assert_int_equal(segment_reader_open(path, key, size, &reader, &err), 0);
    for (uint64_t at = from; at < size; at += length) {
        assert_int_equal(segment_read(reader, at, bytes, sizeof(bytes), &length, &err), 0);
        assert_true(length > 0);
        for (size_t i = 0; i < length; i++)
            assert_int_equal(bytes[i], byte_at(at + i));
    }
    assert_int_equal(segment_read(reader, size, bytes, sizeof(bytes), &length, &err), 0);
    assert_int_equal(length, 0);
    segment_reader_free(&reader);
}

static void what_is_written_reads_back_from_any_position(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0,
                                     1,
                                     SEGMENT_BYTES - 1,
                                     SEGMENT_BYTES,
                                     SEGMENT_BYTES + 1,
                                     3 * SEGMENT_BYTES,
                                     5 * SEGMENT_BYTES + 12345};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct stat found;
        uint64_t segments = sizes[i] ? (sizes[i] + SEGMENT_BYTES - 1) / SEGMENT_BYTES : 1;
        write_file(sizes[i]);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_size, sizes[i] + segments * SEGMENT_TAG);
        assert_reads_back(sizes[i], 0);
        assert_reads_back(sizes[i], sizes[i] / 2);
        assert_reads_back(sizes[i], sizes[i] ? sizes[i] - 1 : 0);
    }
}

static void assert_unreadable(const unsigned char with[SEGMENT_KEY], uint64_t size, uint64_t at)
{
    struct segment_reader *reader = NULL;
    struct error err = {0};
    char byte;
    size_t length;
    assert_int_equal(segment_reader_open(path, with, size, &reader, &err), 0);
    assert_int_equal(segment_read(reader, at, &byte, 1, &length, &err), -1);
    segment_reader_free(&reader);
}

static void change_byte(off_t at)
{
    int fd = open(path, O_RDWR);
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void a_changed_byte_is_noticed_where_it_is(void **state)
{
    (void)state;
    uint64_t size = 3 * SEGMENT_BYTES;
    write_file(size);
    change_byte(SEGMENT_BYTES + SEGMENT_TAG + 5);
    assert_unreadable(key, size, SEGMENT_BYTES);
    struct segment_reader *reader = NULL;
    struct error err = {0};
    char byte;
    size_t length;
    assert_int_equal(segment_reader_open(path, key, size, &reader, &err), 0);
    assert_int_equal(segment_read(reader, 0, &byte, 1, &length, &err), 0);
    segment_reader_free(&reader);
}

static void a_file_cut_off_at_a_segment_is_noticed(void **state)
{
    (void)state;
    write_file(3 * SEGMENT_BYTES);
    assert_int_equal(truncate(path, 2 * (SEGMENT_BYTES + SEGMENT_TAG)), 0);
    assert_unreadable(key, 2 * SEGMENT_BYTES, SEGMENT_BYTES);
}

static void another_key_reads_nothing(void **state)
{
    (void)state;
    write_file(100);
    assert_unreadable(other, 100, 0);
}

static void the_plain_text_is_not_in_the_file(void **state)
{
    (void)state;
    static const char text[] = "a sentence that nobody but the key's holder should find on the disk";
    struct segment_writer *writer = NULL;
    struct error err = {0};
    cleanup(arena_free) struct arena *arena = arena_new();
    char *bytes;
    size_t length;
    unlink(path);
    assert_int_equal(segment_writer_open(path, key, &writer, &err), 0);
    assert_int_equal(segment_write(writer, text, strlen(text), &err), 0);
    assert_int_equal(segment_writer_finish(writer, &err), 0);
    segment_writer_free(&writer);
    assert_int_equal(file_read(arena, path, 1 << 20, &bytes, &length, &err), 0);
    assert_null(memmem(bytes, length, text, 8));
}

static void an_unfinished_file_is_removed(void **state)
{
    (void)state;
    struct segment_writer *writer = NULL;
    struct error err = {0};
    unlink(path);
    assert_int_equal(segment_writer_open(path, key, &writer, &err), 0);
    assert_int_equal(segment_write(writer, "half", 4, &err), 0);
    segment_writer_free(&writer);
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_from_any_position),
        cmocka_unit_test(a_changed_byte_is_noticed_where_it_is),
        cmocka_unit_test(a_file_cut_off_at_a_segment_is_noticed),
        cmocka_unit_test(another_key_reads_nothing),
        cmocka_unit_test(the_plain_text_is_not_in_the_file),
        cmocka_unit_test(an_unfinished_file_is_removed),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

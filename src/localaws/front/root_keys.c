/* The accounts' root keys and the credentials file they live in: read at a restart, made at the first start.
 */
#include "localaws/front/keys.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>

enum { CREDENTIALS_LARGEST = 1 << 20 };

static const char *ini_value(struct arena *arena, const char *line, const char *name)
{
    const char *equals = strchr(line, '=');
    if (!equals || !text_equal(text_trim(arena, arena_strndup(arena, line, (size_t)(equals - line))), name))
        return NULL;
    return text_trim(arena, (char *)equals + 1);
}

/* The keys of one [profile], NULL where the file has none. */
static void read_profile(struct arena *arena, const char *text, const char *profile, const char **id,
                         const char **secret)
{
    *id = *secret = NULL;
    const char *heading = arena_format(arena, "[%s]", profile);
    char **lines;
    size_t count = text_split(arena, text, '\n', &lines);
    bool inside = false;
    for (size_t i = 0; i < count; i++) {
        const char *line = text_trim(arena, lines[i]), *value;
        if (*line == '[')
            inside = text_equal(line, heading);
        else if (inside && (value = ini_value(arena, line, "aws_access_key_id")))
            *id = value;
        else if (inside && (value = ini_value(arena, line, "aws_secret_access_key")))
            *secret = value;
    }
}

static void add_root_key(struct region *region, struct arena *arena, struct account *account, const char *id,
                         const char *secret)
{
    const char *arn = arena_format(arena, "arn:aws:iam::%s:root", account->id);
    key_add(region, &(struct access_key){
                        .id = id,
                        .secret = secret,
                        .caller = {.kind = CALLER_ROOT,
                                   .account = account,
                                   .arn = arn,
                                   .principal_arn = arn,
                                   .user_id = account->id},
                    });
}

int root_keys_open(struct region *region, const char *path, const char *const *names, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text = "";
    size_t length = 0;
    if (file_exists(path) && file_read(arena, path, CREDENTIALS_LARGEST, &text, &length, err) < 0)
        return -1;
    cleanup(buffer_free) struct buffer out = buffer_new(2 * CREDENTIALS_LARGEST);
    buffer_text(&out, text);
    for (; names[0]; names += 2) {
        const char *id, *secret;
        read_profile(arena, text, names[1], &id, &secret);
        if (!id || !secret) {
            id = key_new_id(arena, "AKIA");
            secret = key_new_secret(arena);
            buffer_format(&out, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n", names[1], id,
                          secret);
        }
        add_root_key(region, arena, region_account(region, names[0]), id, secret);
    }
    int result = out.length == length ? 0 : file_write(path, out.data, out.length, 0600, err);
    explicit_bzero(out.data, out.length);
    explicit_bzero(text, length);
    return result;
}

/* ~/.aws/credentials: "[profile]" sections of "name = value" lines; '#' and ';' begin comments. */
#include "aws/credentials_source.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>

enum { LARGEST_FILE = 1 << 20 };

static bool is_section(struct arena *arena, const char *line, const char *profile)
{
    size_t length = strlen(line);
    if (length < 2 || line[length - 1] != ']')
        return false;
    return strcmp(text_trim(arena, arena_strndup(arena, line + 1, length - 2)), profile) == 0;
}

static void read_line(struct arena *arena, const char *line, struct aws_keys *keys)
{
    const char *equals = strchr(line, '=');
    if (!equals)
        return;
    char *name = text_lower(arena, text_trim(arena, arena_strndup(arena, line, (size_t)(equals - line))));
    char *value = text_trim(arena, arena_strdup(arena, equals + 1));
    if (strcmp(name, "aws_access_key_id") == 0)
        keys->access_key_id = value;
    else if (strcmp(name, "aws_secret_access_key") == 0)
        keys->secret_access_key = value;
    else if (strcmp(name, "aws_session_token") == 0 && *value)
        keys->session_token = value;
}

int credentials_file_parse(struct arena *arena, const char *text, const char *profile, struct aws_keys *keys,
                           struct error *err)
{
    *keys = (struct aws_keys){0};
    char **lines;
    size_t count = text_split(arena, text, '\n', &lines);
    bool inside = false;
    for (size_t i = 0; i < count; i++) {
        char *line = text_trim(arena, lines[i]);
        if (*line == '#' || *line == ';')
            continue;
        if (*line == '[')
            inside = is_section(arena, line, profile);
        else if (inside)
            read_line(arena, line, keys);
    }
    if (text_empty(keys->access_key_id) || text_empty(keys->secret_access_key))
        return error_set(err, ERROR_NOT_FOUND, "the shared credentials file has no keys for profile %s",
                         profile);
    return 0;
}

int credentials_file_read(struct arena *arena, struct aws_keys *keys, struct error *err)
{
    const char *path = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");
    const char *profile = getenv("AWS_PROFILE");
    if (text_empty(path) && text_empty(home))
        return error_set(err, ERROR_NOT_FOUND, "there is no home directory to look for AWS credentials in");
    if (text_empty(path))
        path = arena_format(arena, "%s/.aws/credentials", home);
    char *text;
    size_t length;
    if (file_read(arena, path, LARGEST_FILE, &text, &length, err) < 0)
        return -1;
    return credentials_file_parse(arena, text, text_empty(profile) ? "default" : profile, keys, err);
}

#include "localaws/s3/tags.h"

#include "base/text.h"
#include "base/xml.h"

#include <string.h>

enum { LONGEST_KEY = 128, LONGEST_VALUE = 256, LARGEST_SET = 64 << 10 };

static int invalid(struct error *err, const char *why)
{
    return error_code(err, ERROR_INVALID, "InvalidTag", "The tag set is not valid: %s", why);
}

static int add_tag(struct arena *arena, struct buffer *out, const char *key, const char *value,
                   struct error *err)
{
    if (text_empty(key) || strlen(key) > LONGEST_KEY * 4 || strlen(value) > LONGEST_VALUE * 4)
        return invalid(err, "a key of 1 to 128 characters and a value of up to 256");
    const char *encoded = percent_encode(arena, key, false);
    const char *have = buffer_string(out);
    for (const char *at = have; (at = strstr(at, encoded)); at++)
        if ((at == have || at[-1] == '&') && at[strlen(encoded)] == '=')
            return invalid(err, "a key stands there twice");
    buffer_format(out, "%s%s=%s", out->length ? "&" : "", encoded, percent_encode(arena, value, false));
    return 0;
}

size_t s3_tags_count(const char *tags)
{
    size_t count = *tags != '\0';
    for (; *tags; tags++)
        count += *tags == '&';
    return count;
}

static int finish(struct arena *arena, const struct buffer *out, size_t most, char **tags, struct error *err)
{
    *tags = arena_strdup(arena, buffer_string(out));
    if (out->overflow || s3_tags_count(*tags) > most)
        return error_code(err, ERROR_INVALID, "BadRequest", "There can be no more than %zu tags", most);
    return 0;
}

int s3_tags_read(struct arena *arena, const char *xml, size_t length, size_t most, char **tags,
                 struct error *err)
{
    cleanup(buffer_free) struct buffer out = buffer_new(LARGEST_SET);
    xmlNode *root;
    struct error why = {0};
    if (xml_parse(arena, "the tag set", xml, length, &root, &why) < 0 ||
        strcmp(xml_name(root), "Tagging") != 0)
        return error_code(err, ERROR_INVALID, "MalformedXML", "The XML you provided is no tag set");
    for (xmlNode *tag = xml_first(xml_first(root, "TagSet"), "Tag"); tag; tag = xml_next(tag, "Tag")) {
        const char *key = xml_child_content(arena, tag, "Key"),
                   *value = xml_child_content(arena, tag, "Value");
        if (!key || !value)
            return invalid(err, "a tag has a Key and a Value");
        if (add_tag(arena, &out, key, value, err) < 0)
            return -1;
    }
    return finish(arena, &out, most, tags, err);
}

int s3_tags_parse(struct arena *arena, const char *header, char **tags, struct error *err)
{
    cleanup(buffer_free) struct buffer out = buffer_new(LARGEST_SET);
    char **parts;
    size_t count = text_empty(header) ? 0 : text_split(arena, header, '&', &parts);
    for (size_t i = 0; i < count; i++) {
        char *equals = strchrnul(parts[i], '='), *key, *value;
        const char *raw = *equals ? equals + 1 : "";
        if (percent_decode(arena, arena_strndup(arena, parts[i], (size_t)(equals - parts[i])), true, &key,
                           NULL) < 0 ||
            percent_decode(arena, raw, true, &value, NULL) < 0)
            return invalid(err, "x-amz-tagging is percent-encoded");
        if (add_tag(arena, &out, key, value, err) < 0)
            return -1;
    }
    return finish(arena, &out, S3_TAGS_OF_OBJECT, tags, err);
}

void s3_tags_write(struct arena *arena, const char *tags, struct buffer *xml)
{
    char **parts;
    size_t count = text_empty(tags) ? 0 : text_split(arena, tags, '&', &parts);
    buffer_text(xml, "<TagSet>");
    for (size_t i = 0; i < count; i++) {
        char *equals = strchr(parts[i], '='), *key = NULL, *value = NULL;
        if (!equals)
            continue;
        *equals = '\0';
        if (percent_decode(arena, parts[i], false, &key, NULL) < 0 ||
            percent_decode(arena, equals + 1, false, &value, NULL) < 0)
            continue;
        buffer_text(xml, "<Tag><Key>");
        buffer_xml(xml, key);
        buffer_text(xml, "</Key><Value>");
        buffer_xml(xml, value);
        buffer_text(xml, "</Value></Tag>");
    }
    buffer_text(xml, "</TagSet>");
}

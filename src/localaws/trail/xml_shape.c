/* Answers in XML, as the handlers wrote them, into JSON: our own writing, so no parser of hostile XML is
 * needed; what does not look like it ends the walk. */
#include "localaws/trail/request_shape.h"

#include "base/text.h"
#include "localaws/trail/hidden.h"
#include "localaws/trail/json_out.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32, TEXT_LARGEST = 1 << 20 };

struct walk {
    struct buffer *out;
    const char *service;
    const char *at, *end;
    bool is_ec2;
};

/* "<name>" or "<name/>" at the walk's place: moves behind it. */
struct element {
    const char *name;
    size_t length;
    bool empty;
};

static bool open_element(struct walk *walk, struct element *element)
{
    if (walk->at >= walk->end || *walk->at != '<' || walk->at[1] == '/')
        return false;
    const char *close = memchr(walk->at, '>', (size_t)(walk->end - walk->at));
    if (!close)
        return false;
    element->name = walk->at + 1;
    element->empty = close[-1] == '/';
    element->length = strcspn(element->name, " />");
    walk->at = close + 1;
    return true;
}

static void close_element(struct walk *walk)
{
    const char *close = walk->at < walk->end ? memchr(walk->at, '>', (size_t)(walk->end - walk->at)) : NULL;
    walk->at = close ? close + 1 : walk->end;
}

static bool is_item(const struct element *element)
{
    return (element->length == 4 && memcmp(element->name, "item", 4) == 0) ||
           (element->length == 6 && memcmp(element->name, "member", 6) == 0);
}

static const struct {
    const char *entity;
    char byte;
} entities[] = {{"&amp;", '&'},  {"&lt;", '<'},  {"&gt;", '>'},   {"&quot;", '"'},
                {"&#39;", '\''}, {"&#9;", '\t'}, {"&#10;", '\n'}, {"&#13;", '\r'}};

static void out_unescaped(struct walk *walk, const char *text, size_t length)
{
    if (!memchr(text, '&', length)) {
        out_guess(walk->out, text, length);
        return;
    }
    cleanup(memory_free) char *plain = memory_alloc(length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        size_t taken = 1;
        plain[used] = text[i];
        for (size_t k = 0; text[i] == '&' && k < COUNT_OF(entities) && taken == 1; k++)
            if (strncmp(text + i, entities[k].entity, strlen(entities[k].entity)) == 0) {
                plain[used] = entities[k].byte;
                taken = strlen(entities[k].entity);
            }
        used++;
        i += taken;
    }
    out_text_n(walk->out, plain, used);
}

static void out_inside(struct walk *walk, int depth);

static void skip_element(struct walk *walk, int depth)
{
    cleanup(buffer_free) struct buffer nowhere = buffer_new(0);
    struct buffer *out = walk->out;
    walk->out = &nowhere;
    out_inside(walk, depth);
    walk->out = out;
}

/* One element that was just opened: its value, up to behind its end. */
static void out_element(struct walk *walk, const struct element *element, int depth)
{
    if (element->empty) {
        buffer_text(walk->out, walk->is_ec2 ? "{}" : "null");
        return;
    }
    out_inside(walk, depth + 1);
    close_element(walk);
}

static void out_list(struct walk *walk, struct element *element, int depth)
{
    buffer_text(walk->out, walk->is_ec2 ? "{\"items\":[" : "[");
    do {
        out_comma(walk->out);
        out_element(walk, element, depth);
    } while (open_element(walk, element));
    buffer_text(walk->out, walk->is_ec2 ? "]}" : "]");
}

static void out_members(struct walk *walk, struct element *element, int depth)
{
    buffer_append(walk->out, "{", 1);
    do {
        const char *form = hidden_form(walk->service, element->name, element->length);
        bool is_return = walk->is_ec2 && element->length == 6 && memcmp(element->name, "return", 6) == 0;
        if (form && !element->empty) {
            skip_element(walk, depth);
            close_element(walk);
        }
        if (form && !*form)
            continue;
        if (is_return)
            out_name(walk->out, "_return");
        else
            out_small_name(walk->out, element->name, element->length);
        if (form)
            out_text(walk->out, form);
        else
            out_element(walk, element, depth);
    } while (open_element(walk, element));
    buffer_append(walk->out, "}", 1);
}

/* What is between a start and its end: text, a list's items or members. */
static void out_inside(struct walk *walk, int depth)
{
    struct element first;
    if (depth > DEEPEST) {
        walk->at = walk->end;
    } else if (open_element(walk, &first)) {
        if (is_item(&first))
            out_list(walk, &first, depth);
        else
            out_members(walk, &first, depth);
    } else {
        const char *close =
            walk->at < walk->end ? memchr(walk->at, '<', (size_t)(walk->end - walk->at)) : NULL;
        const char *end = close ? close : walk->end;
        if (end > walk->at || !walk->is_ec2)
            out_unescaped(walk, walk->at, (size_t)(end - walk->at));
        else
            buffer_text(walk->out, "{}");
        walk->at = end;
    }
}

void out_xml(struct buffer *out, const char *service, const char *text, size_t length)
{
    struct walk walk = {out, service, text, text + length, text_equal(service, "ec2")};
    out_inside(&walk, 0);
}

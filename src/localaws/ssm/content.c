#include "localaws/ssm/content.h"

#include "base/buffer.h"
#include "base/text.h"

#include <regex.h>
#include <string.h>

enum {
    PARAMETERS_MOST = 200,
    NAME_LONGEST = 50,
    VALUE_LARGEST = 64 << 10,
    TIMEOUT_S = 3600,
    TIMEOUT_MOST_S = 172800
};

static const struct field step_fields[] = {
    FIELD_TEXT(struct step, name, "name", REQUIRED, 128, NULL, "its name in the document"),
    FIELD_TEXT(struct step, script, "script", REQUIRED, SCRIPT_LARGEST, NULL, "what a shell is given"),
    FIELD_TEXT(struct step, directory, "directory", OPTIONAL, 4096, NULL, "where it runs"),
    FIELD_INTEGER(struct step, timeout_s, "timeout", REQUIRED, 1, TIMEOUT_MOST_S, "seconds it may take"),
    FIELD_END,
};
const struct record step_record = {"step", sizeof(struct step), step_fields};

int content_parse(struct arena *arena, const char *text, json_t **content, struct error *err)
{
    const char *name;
    json_t *parameter;
    if (text_empty(text) || strlen(text) > CONTENT_LARGEST)
        return error_set(err, ERROR_INVALID, "Content is a JSON object of at most %d bytes.",
                         CONTENT_LARGEST);
    if (json_parse(arena, text, strlen(text), content, err) < 0)
        return -1;
    if (!json_is_object(*content))
        return error_set(err, ERROR_INVALID, "Content is not a JSON object.");
    json_object_foreach(json_object_get(*content, "parameters"), name, parameter) {
        const char *pattern = json_member_text(parameter, "allowedPattern");
        regex_t compiled;
        if (strlen(name) > NAME_LONGEST || !text_only(name, "a-zA-Z0-9_-") || !json_is_object(parameter))
            return error_set(err, ERROR_INVALID, "\"%.50s\" is no name of a parameter.", name);
        if (pattern && regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
            return error_set(err, ERROR_INVALID, "The pattern of %s is not one this region can match.", name);
        if (pattern)
            regfree(&compiled);
        if (json_object_get(parameter, "interpolationType"))
            return error_set(err, ERROR_INVALID, "interpolationType of %s is not supported by this region.",
                             name);
    }
    return 0;
}

/* --- the values ---------------------------------------------------------------------------------- */

static bool whole_match(const char *pattern, const char *value)
{
    regex_t compiled;
    regmatch_t found;
    if (regcomp(&compiled, pattern, REG_EXTENDED) != 0)
        return false;
    bool matches = regexec(&compiled, value, 1, &found, 0) == 0 && found.rm_so == 0 && !value[found.rm_eo];
    regfree(&compiled);
    return matches;
}

static bool allowed(const json_t *declared, const char *value)
{
    const char *pattern = json_member_text(declared, "allowedPattern");
    json_t *values = json_object_get(declared, "allowedValues"), *one;
    size_t index;
    if (pattern && !whole_match(pattern, value))
        return false;
    json_array_foreach(values, index, one)
        if (text_equal(json_string_value(one), value))
            return true;
    return !json_array_size(values);
}

static bool is_list(const json_t *declared)
{
    return text_equal(json_member_text(declared, "type"), "StringList");
}

static int take_value(const char *name, const json_t *declared, const json_t *values, json_t **taken,
                      struct error *err)
{
    size_t index, total = 0;
    json_t *value;
    if (!json_is_array(values) || (!is_list(declared) && json_array_size(values) != 1))
        return error_set(err, ERROR_INVALID, "Parameter \"%s\" takes %s.", name,
                         is_list(declared) ? "a list of texts" : "one text");
    json_array_foreach(values, index, value) {
        if (!json_is_string(value) || (total += json_string_length(value)) > VALUE_LARGEST)
            return error_set(err, ERROR_INVALID, "Parameter \"%s\" takes texts of %d bytes in all.", name,
                             VALUE_LARGEST);
        if (!allowed(declared, json_string_value(value)))
            return error_set(err, ERROR_INVALID,
                             "Parameter \"%s\" has a value that does not match what the document allows.",
                             name);
    }
    *taken = json_deep_copy(is_list(declared) ? values : json_array_get(values, 0));
    return 0;
}

static void release(void *json)
{
    json_decref(json);
}

int content_parameters(struct arena *arena, const json_t *content, const json_t *values, json_t **given,
                       struct error *err)
{
    json_t *declarations = json_object_get(content, "parameters"), *declared, *value;
    const char *name;
    *given = json_object();
    arena_defer(arena, release, *given);
    json_object_foreach((json_t *)(uintptr_t)values, name, value)
        if (!json_object_get(declarations, name))
            return error_set(err, ERROR_INVALID, "The document has no parameter \"%.50s\".", name);
    if (json_object_size(declarations) > PARAMETERS_MOST)
        return error_set(err, ERROR_INVALID, "A document has at most %d parameters.", PARAMETERS_MOST);
    json_object_foreach(declarations, name, declared) {
        json_t *otherwise = json_object_get(declared, "default"), *taken = NULL;
        value = json_object_get(values, name);
        if (value && take_value(name, declared, value, &taken, err) < 0)
            return -1;
        if (!taken && !otherwise)
            return error_set(err, ERROR_INVALID, "Parameter \"%s\" is required.", name);
        json_object_set_new(*given, name, taken ? taken : json_deep_copy(otherwise));
    }
    return 0;
}

/* --- {{ name }} ---------------------------------------------------------------------------------- */

struct reference {
    const char *begin, *end; /* of the whole of it in the text */
    const json_t *value;
};

/* The next reference at or after `text`; -1 when one is malformed or means nothing, 0 when there is none. */
static int find_reference(struct arena *arena, const char *text, const json_t *given, struct reference *found,
                          struct error *err)
{
    const char *begin = strstr(text, "{{"), *end = begin ? strstr(begin, "}}") : NULL;
    if (!end)
        return 0;
    const char *name = text_trim(arena, arena_strndup(arena, begin + 2, (size_t)(end - begin) - 2));
    *found = (struct reference){begin, end + 2, json_object_get(given, name)};
    return found->value
               ? 1
               : error_set(err, ERROR_INVALID, "The document uses {{ %.50s }}, which is no parameter.", name);
}

static void put_value(struct arena *arena, struct buffer *out, const json_t *value)
{
    if (json_is_string(value))
        buffer_text(out, json_string_value(value));
    else
        buffer_text(out, json_text(arena, value));
}

int content_substitute(struct arena *arena, const char *text, const json_t *given, char **result,
                       struct error *err)
{
    cleanup(buffer_free) struct buffer out = buffer_new(SCRIPT_LARGEST);
    struct reference reference;
    int found;
    while ((found = find_reference(arena, text, given, &reference, err)) > 0) {
        buffer_append(&out, text, (size_t)(reference.begin - text));
        put_value(arena, &out, reference.value);
        text = reference.end;
    }
    buffer_text(&out, text);
    if (out.overflow)
        return error_set(err, ERROR_INVALID, "The script is larger than %d bytes.", SCRIPT_LARGEST);
    *result = arena_strdup(arena, buffer_string(&out));
    return found;
}

/* The list or text that the text as a whole refers to, or NULL. */
static const json_t *whole_reference(struct arena *arena, const char *text, const json_t *given)
{
    struct reference reference;
    text = text_trim(arena, arena_strdup(arena, text));
    return find_reference(arena, text, given, &reference, NULL) > 0 && reference.begin == text &&
                   !*reference.end
               ? reference.value
               : NULL;
}

/* --- the steps ----------------------------------------------------------------------------------- */

static int add_line(struct arena *arena, struct buffer *out, const char *line, const json_t *given,
                    struct error *err)
{
    const json_t *list = whole_reference(arena, line, given);
    size_t index;
    json_t *one;
    if (json_is_array(list)) {
        json_array_foreach(list, index, one)
            buffer_format(out, "%s\n", json_string_value(one) ? json_string_value(one) : "");
        return 0;
    }
    char *made;
    if (content_substitute(arena, line, given, &made, err) < 0)
        return -1;
    buffer_format(out, "%s\n", made);
    return 0;
}

static int read_script(struct arena *arena, const json_t *command, const json_t *given, char **script,
                       struct error *err)
{
    cleanup(buffer_free) struct buffer out = buffer_new(SCRIPT_LARGEST);
    size_t index;
    json_t *line;
    if (json_is_string(command) && add_line(arena, &out, json_string_value(command), given, err) < 0)
        return -1;
    json_array_foreach(command, index, line)
        if (add_line(arena, &out, json_is_string(line) ? json_string_value(line) : "", given, err) < 0)
            return -1;
    if (out.overflow || !out.length)
        return error_set(err, ERROR_INVALID, "runCommand is a text or a list of texts of %d bytes in all.",
                         SCRIPT_LARGEST);
    *script = arena_strdup(arena, buffer_string(&out));
    return 0;
}

/* The inputs of an aws:runShellScript. */
static int read_inputs(struct arena *arena, const json_t *inputs, const json_t *given, struct step *step,
                       struct error *err)
{
    static const char *const unknown[] = {"onFailure", "onSuccess", "finallyStep"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (json_object_get(inputs, unknown[i]))
            return error_set(err, ERROR_INVALID, "%s is not supported by this region.", unknown[i]);
    const json_t *timeout = json_object_get(inputs, "timeoutSeconds");
    const char *directory = json_member_text(inputs, "workingDirectory");
    char *text =
        json_is_integer(timeout) ? arena_format(arena, "%lld", (long long)json_integer_value(timeout)) : NULL;
    if (read_script(arena, json_object_get(inputs, "runCommand"), given, &step->script, err) < 0 ||
        (directory && content_substitute(arena, directory, given, &step->directory, err) < 0) ||
        (json_is_string(timeout) &&
         content_substitute(arena, json_string_value(timeout), given, &text, err) < 0))
        return -1;
    if (text_empty(step->directory))
        step->directory = NULL;
    else if (*step->directory != '/')
        return error_set(err, ERROR_INVALID, "workingDirectory is not an absolute path.");
    step->timeout_s = TIMEOUT_S;
    return text_empty(text) ? 0
                            : text_number(text, 1, TIMEOUT_MOST_S, "timeoutSeconds", &step->timeout_s, err);
}

static int action_known(const char *action, struct error *err)
{
    return text_equal(action, "aws:runShellScript")
               ? 0
               : error_set(err, ERROR_INVALID, "%.60s is no action this region runs (aws:runShellScript is).",
                           action ? action : "A step without an action");
}

/* 1: the step is for Linux; 0: it is not, and is left out. */
static int meant_for_linux(const json_t *step, struct error *err)
{
    const json_t *condition = json_object_get(step, "precondition"),
                 *sides = json_object_get(condition, "StringEquals");
    if (!condition)
        return 1;
    const char *left = json_string_value(json_array_get(sides, 0)),
               *right = json_string_value(json_array_get(sides, 1));
    if (json_object_size(condition) != 1 || json_array_size(sides) != 2 ||
        !text_equal(left, "platformType") || !right)
        return error_set(err, ERROR_INVALID,
                         "A precondition is {\"StringEquals\": [\"platformType\", \"Linux\"]}.");
    return text_equal(right, "Linux");
}

static int read_main_steps(struct arena *arena, const json_t *list, const json_t *given, struct step *steps,
                           size_t *count, struct error *err)
{
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) {
        const char *name = json_member_text(entry, "name");
        int wanted = meant_for_linux(entry, err);
        if (wanted < 0 || (wanted && action_known(json_member_text(entry, "action"), err) < 0))
            return -1;
        if (!wanted)
            continue;
        if (text_empty(name) || strlen(name) > 128 || !text_only(name, "a-zA-Z0-9_:-"))
            return error_set(err, ERROR_INVALID, "A step has a name of letters, digits, _, : and -.");
        steps[*count].name = arena_strdup(arena, name);
        if (read_inputs(arena, json_object_get(entry, "inputs"), given, &steps[(*count)++], err) < 0)
            return error_context(err, "step %s", name);
    }
    return 0;
}

static int read_runtime_config(struct arena *arena, const json_t *config, const json_t *given,
                               struct step *steps, size_t *count, struct error *err)
{
    const char *action;
    json_t *value, *properties;
    size_t index;
    json_object_foreach((json_t *)(uintptr_t)config, action, value) {
        if (action_known(action, err) < 0)
            return -1;
        json_array_foreach(json_object_get(value, "properties"), index, properties) {
            if (*count == STEPS_MOST)
                return error_set(err, ERROR_INVALID, "A document has at most %d steps.", STEPS_MOST);
            steps[*count].name = arena_strdup(arena, action);
            if (read_inputs(arena, properties, given, &steps[(*count)++], err) < 0)
                return -1;
        }
    }
    return 0;
}

int content_steps(struct arena *arena, const json_t *content, const json_t *given, struct step **steps,
                  size_t *count, struct error *err)
{
    const char *schema = json_member_text(content, "schemaVersion");
    const json_t *main_steps = json_object_get(content, "mainSteps"),
                 *config = json_object_get(content, "runtimeConfig");
    *steps = arena_alloc(arena, STEPS_MOST * sizeof **steps);
    *count = 0;
    if (json_array_size(main_steps) > STEPS_MOST)
        return error_set(err, ERROR_INVALID, "A document has at most %d steps.", STEPS_MOST);
    int result = -1;
    if (text_equal(schema, "1.2") && json_is_object(config))
        result = read_runtime_config(arena, config, given, *steps, count, err);
    else if ((text_equal(schema, "2.2") || text_equal(schema, "2.0")) && json_is_array(main_steps))
        result = read_main_steps(arena, main_steps, given, *steps, count, err);
    else
        return error_set(err, ERROR_INVALID, "A Command document has schemaVersion 2.2 with mainSteps.");
    if (result == 0 && !*count)
        return error_set(err, ERROR_INVALID, "The document has no step for Linux.");
    return result;
}

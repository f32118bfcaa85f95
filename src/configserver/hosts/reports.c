/* What hosts report to be wrong: kept by name, checked because it comes from outside. */
#include "configserver/hosts/reports.h"
#include "base/text.h"

#include <string.h>

enum { REPORTS_MOST = 16, NAME_LONGEST_REPORT = 64, DESCRIPTION_LONGEST = 512 };

static const char *const report_types[] = {"UNSPECIFIED", "ONCE", "SOFT_FAIL", "HARD_FAIL"};

static bool is_type(const char *text)
{
    for (size_t i = 0; text && i < COUNT_OF(report_types); i++)
        if (text_equal(text, report_types[i]))
            return true;
    return false;
}

static int check_report(const char *name, const json_t *report, struct error *err)
{
    const char *member, *description = json_member_text(report, "description");
    json_t *value;
    if (text_empty(name) || strlen(name) > NAME_LONGEST_REPORT || !text_only(name, "A-Za-z0-9_-"))
        return error_set(err, ERROR_INVALID, "\"reports\": a name is 1-%d of letters, digits, - and _",
                         NAME_LONGEST_REPORT);
    if (!is_type(json_member_text(report, "type")))
        return error_set(err, ERROR_INVALID,
                         "\"reports\".\"%s\": \"type\" must be UNSPECIFIED, ONCE, SOFT_FAIL or HARD_FAIL",
                         name);
    if (description && strlen(description) > DESCRIPTION_LONGEST)
        return error_set(err, ERROR_INVALID, "\"reports\".\"%s\": \"description\" is longer than %d", name,
                         DESCRIPTION_LONGEST);
    json_object_foreach((json_t *)report, member, value) {
        bool known =
            (text_equal(member, "type") || text_equal(member, "description")) && json_is_string(value);
        if (!known && !(text_equal(member, "createdMillis") && json_is_integer(value)))
            return error_set(err, ERROR_INVALID, "\"reports\".\"%s\": member \"%.32s\" means nothing here",
                             name, member);
    }
    return 0;
}

int reports_check(const json_t *reports, struct error *err)
{
    const char *name;
    json_t *report;
    if (!json_is_object(reports) || json_object_size(reports) > REPORTS_MOST)
        return error_set(err, ERROR_INVALID, "\"reports\" must be an object of at most %d reports",
                         REPORTS_MOST);
    json_object_foreach((json_t *)reports, name, report)
        if (check_report(name, report, err) < 0)
            return -1;
    return 0;
}

json_t *reports_kept(json_t *reports)
{
    return json_object_size(reports) > 0 ? reports : NULL;
}

bool reports_equal(const json_t *a, const json_t *b)
{
    bool a_empty = json_object_size(a) == 0, b_empty = json_object_size(b) == 0;
    return a_empty || b_empty ? a_empty == b_empty : json_equal(a, b);
}

const char *reports_hard_fail(const json_t *reports, const char **description)
{
    const char *name;
    json_t *report;
    json_object_foreach((json_t *)reports, name, report) {
        if (!text_equal(json_member_text(report, "type"), "HARD_FAIL"))
            continue;
        const char *said = json_member_text(report, "description");
        *description = text_empty(said) ? "it does not say more" : said;
        return name;
    }
    return NULL;
}

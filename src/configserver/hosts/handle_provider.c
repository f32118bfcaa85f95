/* zts asks whether an identity is to be given. It learns yes or no; the reason is in our log. */
#include "configserver/api/handlers.h"
#include "configserver/hosts/provider.h"

static enum http_answer answer(struct http_request *request,
                               int (*confirm)(struct zone *zone, const struct instance_confirmation *asked,
                                              struct error *err))
{
    struct error err = {0};
    struct instance_confirmation asked = {0};
    if (read_body(request, &instance_confirmation_record, &asked, &err) < 0)
        return http_fail(request, &err);
    if (confirm(http_request_server_context(request), &asked, &err) < 0) {
        if (err.kind == ERROR_FORBIDDEN || err.kind == ERROR_INVALID)
            error_set(&err, ERROR_FORBIDDEN, "not confirmed");
        return http_fail(request, &err);
    }
    http_respond_json(request, 200, record_write(&instance_confirmation_record, &asked));
    return HTTP_ANSWERED;
}

enum http_answer confirm_instance(struct http_request *request)
{
    return answer(request, provider_confirm);
}

enum http_answer confirm_refresh(struct http_request *request)
{
    return answer(request, provider_confirm_refresh);
}

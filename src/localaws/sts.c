/* STS: who am I, and sessions of roles. */
#include "localaws/region.h"

static int get_caller_identity(struct call *call, struct error *err)
{
    (void)err;
    buffer_text(&call->answer, "<UserId>");
    buffer_xml(&call->answer, call->caller->user_id);
    buffer_format(&call->answer, "</UserId><Account>%s</Account><Arn>", call->account->id);
    buffer_xml(&call->answer, call->caller->arn);
    buffer_text(&call->answer, "</Arn>");
    return 0;
}

static const struct action actions[] = {
    {"GetCallerIdentity", get_caller_identity, .own_authorization = true}, /* everyone may know who they are */
    {NULL},
};

const struct service sts_service = {
    .name = "sts",
    .iam_prefix = "sts",
    .protocol = PROTOCOL_QUERY,
    .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
    .actions = actions,
};

/* Connections that the kernel follows in a router, made to be forgotten. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

struct forgetting {
    const char *const *addresses;
    struct nfct_handle *destroyer;
};

static bool concerns(const struct nf_conntrack *connection, const char *const *addresses)
{
    static const enum nf_conntrack_attr ends[] = {ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV4_DST, ATTR_REPL_IPV4_SRC,
                                                  ATTR_REPL_IPV4_DST};
    for (; *addresses; addresses++) {
        struct in_addr address;
        for (size_t i = 0; inet_pton(AF_INET, *addresses, &address) == 1 && i < COUNT_OF(ends); i++)
            if (nfct_get_attr_u32(connection, ends[i]) == address.s_addr)
                return true;
    }
    return false;
}

static int look_at(enum nf_conntrack_msg_type type, struct nf_conntrack *connection, void *context)
{
    struct forgetting *forgetting = context;
    (void)type;
    if (concerns(connection, forgetting->addresses))
        nfct_query(forgetting->destroyer, NFCT_Q_DESTROY, connection);
    return NFCT_CB_CONTINUE;
}

static int forget_here(void *context, struct error *err)
{
    struct forgetting forgetting = {.addresses = context};
    uint32_t family = AF_INET;
    struct nfct_handle *reader = nfct_open(CONNTRACK, 0);
    forgetting.destroyer = reader ? nfct_open(CONNTRACK, 0) : NULL;
    int result = -1;
    if (forgetting.destroyer) {
        nfct_callback_register(reader, NFCT_T_ALL, look_at, &forgetting);
        result = nfct_query(reader, NFCT_Q_DUMP, &family);
    }
    if (result < 0)
        error_errno(err, ERROR_INTERNAL, "look through the tracked connections");
    if (forgetting.destroyer)
        nfct_close(forgetting.destroyer);
    if (reader)
        nfct_close(reader);
    return result < 0 ? -1 : 0;
}

int tracking_forget(int namespace, const char *const *addresses, struct error *err)
{
    return addresses[0] ? namespace_call(namespace, forget_here, (void *)(uintptr_t)addresses, err) : 0;
}

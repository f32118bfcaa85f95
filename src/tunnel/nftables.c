#include "tunnel/nftables.h"

#include "base/memory.h"

#include <nftables/libnftables.h>
#include <string.h>

static void free_context(struct nft_ctx **context)
{
    if (*context)
        nft_ctx_free(*context);
}

int nftables_load(const char *text, struct error *err)
{
    cleanup(free_context) struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context)
        return error_set(err, ERROR_UNAVAILABLE, "nftables cannot be used; are we root?");
    nft_ctx_buffer_error(context);
    nft_ctx_buffer_output(context);
    if (nft_run_cmd_from_buffer(context, text) != 0) {
        const char *why = nft_ctx_get_error_buffer(context);
        return error_set(err, ERROR_UNAVAILABLE, "the firewall was not loaded, the old one stays: %.*s",
                         (int)strcspn(why, "\n"), why);
    }
    return 0;
}

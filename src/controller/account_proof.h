/* Is this AWS account the tenant's? What AWS itself says, asked three ways. */
#ifndef CONTROLLER_ACCOUNT_PROOF_H
#define CONTROLLER_ACCOUNT_PROOF_H

#include "aws/sts.h"
#include "controller/controller.h"
#include "controller/records.h"

/* The proof was signed in the account, over our nonce, for the key that signs the request. ERROR_FORBIDDEN. */
int account_check_signer(struct controller *controller, const struct sts_proof *proof, const char *account,
                         const char *nonce, const char *key_hash, struct arena *arena, struct error *err);

/* The account's provisioner role lets us in with the tenant's external id, and not without one; and the account has the
 * host role made for this tenant. ERROR_INVALID names what is missing and what makes it. */
int account_check_roles(struct controller *controller, const struct tenant *tenant, const char *account,
                        struct arena *arena, struct error *err);

#endif

/* Data keys: which key of KMS, or the region's own, an object is encrypted under, and the way there and back.
 * Whoever calls must be allowed by KMS to take that way. */
#ifndef LOCALAWS_S3_SEALING_H
#define LOCALAWS_S3_SEALING_H

#include "localaws/s3/call.h"
#include "localaws/s3/segments.h"

enum s3_sealing_kind { S3_SEALED_BY_S3, S3_SEALED_BY_KMS, S3_SEALED_BY_CUSTOMER };
enum s3_sealing_kind s3_sealing_kind(const struct s3_sealing *sealing);

/* A new data key for an object, as the request's headers or else the bucket's default have it. */
int s3_seal(struct s3_call *s3, struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
            struct error *err);
int s3_unseal(struct s3_call *s3, const struct s3_sealing *sealing, unsigned char data_key[SEGMENT_KEY],
              struct error *err);
/* Of what only says something about an object: a customer's key must be there and be the object's. */
int s3_check_customer_key(struct s3_call *s3, const struct s3_sealing *sealing, struct error *err);
/* Each file of an object has a key of its own, since a key seals one file only. */
void s3_file_key(const unsigned char data_key[SEGMENT_KEY], const char *file, unsigned char key[SEGMENT_KEY]);
/* What an answer says of how the object is encrypted. */
void s3_answer_sealing(struct s3_call *s3, const struct s3_sealing *sealing);

#endif

/* An identity document and its PKCS#7 as a machine sends them, apart at the first NUL: read or refused, never
 * believed. */
#include "aws/imds.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Of nobody: any RSA-2048 certificate does, since no signature may hold. */
static const char certificate[] = "-----BEGIN CERTIFICATE-----\n"
                                  "MIIDBTCCAe2gAwIBAgIUN0boigZVJUsTd2YIoISEWlnAbmMwDQYJKoZIhvcNAQEL\n"
                                  "BQAwETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyMzAzMDUyOVoYDzIxMjYxMDMw\n"
                                  "MDMwNTI5WjARMQ8wDQYDVQQDDAZub2JvZHkwggEiMA0GCSqGSIb3DQEBAQUAA4IB\n"
                                  "DwAwggEKAoIBAQDJFfM4eH6YKSDWPyOmRDXFg1wAcSTPns7bdPrLeUZegGS64f5u\n"
                                  "qmfIlVhSAEYnfo5g2GJLI1MxGLc1Tm08dLv2WOSoGUwP4ukXzP9LK8YnykTjO6Pq\n"
                                  "Fiavzde6M5lLpk/noC7Jxasz8G0iy3yP0RC9RBtDan9050yUEyaSpYDuSx9ocHVB\n"
                                  "SS0WjXbkxnCKdtcixdf/DRY7bY4XWS8+vjLqzy6lI1cBnc66HGb6BLhtRYvLGFxs\n"
                                  "/iKgoV7JfXj3gTGRLfVwTkD64r8RSj/LFdwYYvTgpMfgKduPxk48VOJrwhRAJ6qu\n"
                                  "su6KUKb6C9xLgRECmn8drumKIFlemDWn3i/HAgMBAAGjUzBRMB0GA1UdDgQWBBR2\n"
                                  "OHlU5ghxpIcM8B6VC3WLuRntojAfBgNVHSMEGDAWgBR2OHlU5ghxpIcM8B6VC3WL\n"
                                  "uRntojAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQASz7LuKEA3\n"
                                  "hqf5oi1ip0+gKPyIG5oY42xSTc6EB9zkLO4DF0jwdxsyN/ihdNkQzd1rScBJQIbP\n"
                                  "5ZwkqHe1HghG+pKT/mB+hqGTRD2sKRWUwCzsPFJg5JTJntoCG/k5gMgirA5zKwHA\n"
                                  "jW/HVoXj5jcYDxN5+A7YqOF+nIYdu7Vg5uibQQLFz9DgHfMRPfYRp+lu56r7ESRZ\n"
                                  "D3LkXrwdpVmacpqJGD+NLM2DFxe5r0L+AFXN5zeZY5xy/6rA9XaKN44HkYLXVqHp\n"
                                  "Qw4Oi1fwQ1XE0KUC/do3aBpZnBTQXqUNyUdervqRRIJdLR9EgAA5XitKxHyqXZfF\n"
                                  "esMIJeNwMpbL\n"
                                  "-----END CERTIFICATE-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct instance_document document;
    const char *json = arena_strndup(arena, (const char *)bytes, length);
    size_t first = strlen(json);
    const char *signature =
        first < length ? arena_strndup(arena, (const char *)bytes + first + 1, length - first - 1) : json;
    instance_document_parse(arena, json, &document, NULL);
    if (instance_document_verify(json, signature, certificate, NULL) == 0)
        __builtin_trap();
    return 0;
}

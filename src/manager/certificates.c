#include "manager/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>

/* How many certificates there are; 0 if one of them is broken. */
static size_t certificates_count(BIO *bio) {
    size_t n = 0;
    for (X509 *x; (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; n++) {
        X509_free(x);
    }
    /* the end of the text is an error to PEM_read_bio_X509, too */
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? n : 0;
}

tg_err_t tg_certificates_check(tg_call_t *c, tg_str_t pem, const char *field) {
    if (pem.n == 0) {
        return TG_OK;
    }
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (bio == NULL) {
        return TG_ERR_NOMEM;
    }
    ERR_clear_error();
    size_t n = certificates_count(bio);
    ERR_clear_error();
    BIO_free(bio);
    return n > 0 ? TG_OK : tg_fault(&c->fault, TG_ERR_INVALID, field, "has a certificate that cannot be read");
}

#include "model/identity_provider.h"

#include "bodies.h"

/* "+" has members that stand for those of the rest. */
static json_t *read_body(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_identity_provider_t p;
    json_t *copy = json_copy((json_t *)(uintptr_t)body), *more = json_object_get(copy, "+");
    *err = more != NULL && json_object_update(copy, more) != 0 ? TG_ERR_NOMEM : TG_OK;
    json_object_del(copy, "+");
    *err = *err ? *err : tg_identity_provider_parse(copy != NULL ? copy : body, TG_STR("shop"), a, &p, fault);
    json_decref(copy);
    return *err ? NULL : tg_identity_provider_write(&p);
}

static json_t *read_stored(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_identity_provider_t p;
    *err = tg_identity_provider_read_stored(body, TG_STR("shop"), a, &p, fault);
    return *err ? NULL : tg_identity_provider_write(&p);
}

#define COMMON(type) "'name':'p','type':'" type "',"
#define SIMPLE_ONLY                                                                                                    \
    COMMON("LDAP")                                                                                                     \
    "'url':'ldap://h','authenticationType':'SIMPLE',"
#define SIMPLE   SIMPLE_ONLY "'userConfigurationExpression':'uid={{username}},dc=x'"
#define BASES    "'userBaseDnList':['ou=people,dc=example,dc=org']"
#define ADVANCED COMMON("LDAP") "'url':'ldaps://ldap.example.org:636','authenticationType':'ADVANCED'," BASES
#define DB_OF(query, format)                                                                                           \
    COMMON("DATABASE") "'connectionString':'Driver=SQLite3','query':'" query "','passwordFormat':'" format "'"
#define QUERY "SELECT 1 FROM u WHERE n=:username AND p=:password"
#define ROW   "SELECT pw FROM u WHERE n=:username"
#define DB    DB_OF(QUERY, "QUERY")
#define DB_COLUMN                                                                                                      \
    DB_OF(ROW, "BCRYPT")                                                                                               \
    ",'passwordColumn':'pw'"
#define JSON(text)   "'bodyType':'JSON','body':'" text "'"
#define BODY         JSON("{\\'u\\':\\'{{username}}\\',\\'p\\':\\'{{password}}\\'}")
#define API_OF(rest) "{" COMMON("API") "'url':'https://crm.example.org/check'," rest "}"
#define API(rest)    API_OF(BODY "," rest)

#define CLAIM(list, source, claim) "'" list "':[{'source':'" source "','claim':'" claim "'}]"

static void each_type_is_written_as_it_was_read(void **state) {
    static const char *const bodies[] = {
        "{" SIMPLE "}",
        /* the specification's */
        "{'name':'corp','type':'LDAP','url':'ldap://host:389','startTls':false,'authenticationType':'SIMPLE',"
        "'userConfigurationExpression':'uid={{username}},dc=example,dc=org'}",
        "{" SIMPLE ",'groupBaseDnList':['ou=g,dc=x'],'groupFilter':'(cn=app-*)','attributesToFetch':[{'source':'l'}]}",
        "{" ADVANCED "}",
        "{" ADVANCED ",'bindDn':'cn=svc\\\\, two+o=x,dc=\\\\C3\\\\A4','bindPassword':'geheim','userFilter':"
        "'(&(memberOf:1.2.840.113556.1.4.1941:=cn=a)(!(x=*))(|(mail=*@a)(uid:dn:caseExactMatch:=\\\\2a)(a~=b)))',"
        "'userObjectClass':'*','groupMemberType':'LOGIN','checkAtRefresh':true,'synchronisation':{'enabled':true,"
        "'intervalAmount':90,'intervalUnit':'MINUTES','missingUsers':'KEEP','organization':'staff'}}",
        "{" ADVANCED ",'+':{'url':'ldap://[2001:db8::1]:389/'}}",
        "{" DB "}",
        "{" DB_COLUMN ",'username':'u','password':'geheim','checkAtRefresh':true,'listQuery':'with a as (select 1) "
        "select * from a','synchronisation':{'enabled':true}}",
        "{" DB_OF(ROW, "DIGEST") ",'passwordColumn':'pw','passwordDigest':'SHA3-512','passwordEncoding':'BASE64',"
                                 "'saltColumn':'s','saltPosition':'AFTER','passwordIterations':1000}",
        "{" DB ",'+':{'connectionString':'Driver={a;b};Database=x y;Opt={c}}d}'}}",
        API(""
            "'timeoutMillis':100,'poolSize':64,'queueSize':0,'circuitBreaker':{'failures':0},'cacheSeconds':300"),
        API("'headerList':[{'name':'X-Key','value':'k','secret':true},{'name':'X_From','value':'{{address}}'}],"
            "'jsonPath':'$.a[\\'b c\\'][0]','jsonValue':7,'rolesPath':'$.roles[*].name','subjectPath':'$'"),
        API("'+':{'url':'http://[::1]:8080/users/"
            "{{username}}?of={{clientId}}&x=%20'},'enabled':false,'description':'\\n'"),
        API_OF("'bodyType':'FORM','formList':[{'name':'p','value':'{{password}}'},{'name':'k','secret':true}]"),
        API_OF("'method':'GET','bodyType':'NONE','+':{'url':'http://h'}"),
    };
    (void)state;
    accepted(read_body, ROWS(bodies));
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i += 3) {
        survives_lack_of_memory(read_body, bodies[i]);
    }
}

static void refuses_members_of_another_type(void **state) {
    static const refusal_t rows[] = {
        {"{" SIMPLE ",'query':'SELECT'}", "query", "is for providers of type DATABASE"},
        {"{" SIMPLE ",'jsonPath':null}", "jsonPath", "is for providers of type API"},
        {"{" DB ",'bindDn':'cn=x'}", "bindDn", "is for providers of type LDAP"},
        {API("'passwordFormat':'CLEAR'"), "passwordFormat", "is for providers of type DATABASE"},
        {"{" SIMPLE ",'uri':'x'}", "uri", "is not a known field"},
        {"{" SIMPLE ",'tls':{'clientKey':'x'}}", "tls.clientKey", "is for providers of type API"},
        {"{" SIMPLE ",'bindDn':'cn=x'}", "bindDn", "is for authenticationType ADVANCED"},
        {"{" SIMPLE ",'bindPassword':'x'}", "bindPassword", "is for authenticationType ADVANCED"},
        {"{" SIMPLE "," BASES "}", "userBaseDnList", "is for authenticationType ADVANCED"},
        {"{" SIMPLE ",'userFilter':'(a=b)'}", "userFilter", "is for authenticationType ADVANCED"},
        {"{" ADVANCED ",'userConfigurationExpression':'uid={{username}}'}", "userConfigurationExpression", "SIMPLE"},
        {"{" DB ",'passwordColumn':'pw'}", "passwordColumn", "is not for passwordFormat QUERY"},
        {"{" DB_COLUMN ",'passwordDigest':'MD5'}", "passwordDigest", "is for passwordFormat DIGEST"},
        {"{" DB_COLUMN ",'saltColumn':'s'}", "saltColumn", "is for passwordFormat DIGEST"},
        {"{" DB_COLUMN ",'passwordIterations':2}", "passwordIterations", "is for passwordFormat DIGEST and PBKDF2"},
        {API("'formList':[{'name':'a','value':'b'}]"), "formList", "is for bodyType FORM"},
        {API_OF("'bodyType':'FORM','body':'{}','formList':[{'name':'a','value':'b'}]"), "body", "is for bodyType JSON"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

static void refuses_what_every_provider_has(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{'name':'x'}", "type", "is required"},
        {"{'name':'x','type':'SECRET_MANAGER'}", "type", "must be one of LDAP, DATABASE, API"},
        {"{'name':'x','type':1}", "type", "must be a string"},
        {"{'type':'LDAP','url':'ldap://h','authenticationType':'SIMPLE'}", "name", "is required"},
        {"{" SIMPLE ",'+':{'name':'secret_manager'}}", "name", "must not be SECRET_MANAGER"},
        {"{" SIMPLE ",'+':{'name':'a/b'}}", "name", "must begin with a letter or digit"},
        {"{" SIMPLE ",'timeoutMillis':99}", "timeoutMillis", "from 100 to 60000"},
        {"{" SIMPLE ",'timeoutMillis':60001}", "timeoutMillis", "from 100 to 60000"},
        {"{" SIMPLE ",'poolSize':0}", "poolSize", "from 1 to 64"},
        {"{" SIMPLE ",'poolSize':65}", "poolSize", "from 1 to 64"},
        {"{" SIMPLE ",'queueSize':-1}", "queueSize", "from 0 to 10000"},
        {"{" SIMPLE ",'cacheSeconds':301}", "cacheSeconds", "from 0 to 300"},
        {"{" SIMPLE ",'circuitBreaker':{'failures':-1}}", "circuitBreaker.failures", "from 0 to 1000"},
        {"{" SIMPLE ",'circuitBreaker':{'openMillis':99}}", "circuitBreaker.openMillis", "from 100 to 3600000"},
        {"{" SIMPLE ",'circuitBreaker':{'open':1}}", "circuitBreaker.open", "is not a known field"},
        {"{" SIMPLE ",'checkAtRefresh':true}", "checkAtRefresh", "LDAP with ADVANCED"},
        {"{" DB ",'checkAtRefresh':true}", "checkAtRefresh", "another passwordFormat than QUERY"},
        {API("'checkAtRefresh':true"), "checkAtRefresh", "needs a provider that tells"},
        {"{" SIMPLE ",'synchronisation':{'enabled':true}}", "synchronisation.enabled", "needs a provider that lists"},
        {"{" DB ",'synchronisation':{'enabled':true}}", "synchronisation.enabled", "DATABASE with a listQuery"},
        {"{" ADVANCED ",'synchronisation':{'intervalAmount':1}}", "synchronisation.intervalUnit", "is required"},
        {"{" ADVANCED ",'synchronisation':{'intervalUnit':'DAYS'}}", "synchronisation.intervalAmount", "is required"},
        {"{" ADVANCED ",'synchronisation':{'intervalAmount':59,'intervalUnit':'SECONDS'}}",
         "synchronisation.intervalAmount", "at least a minute"},
        {"{" ADVANCED ",'synchronisation':{'intervalAmount':2,'intervalUnit':'YEARS'}}",
         "synchronisation.intervalAmount", "at most one year"},
        {"{" ADVANCED ",'synchronisation':{'missingUsers':'IGNORE'}}", "synchronisation.missingUsers",
         "must be one of"},
        {"{" ADVANCED ",'synchronisation':{'maxUsers':0}}", "synchronisation.maxUsers", "from 1"},
        {"{" ADVANCED ",'synchronisation':{'organization':'a b'}}", "synchronisation.organization", "must begin"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

#define URL(text)        "{" SIMPLE ",'+':{'url':'" text "'}}"
#define EXPRESSION(text) "{" SIMPLE_ONLY "'userConfigurationExpression':'" text "'}"
#define FILTER(text)     "{" ADVANCED ",'userFilter':'" text "'}"
#define BIND(text)       "{" ADVANCED ",'bindDn':'" text "'}"

static void refuses_of_directories(void **state) {
    static const refusal_t rows[] = {
        {URL("http://h"), "url", "must be ldap:// or ldaps://"},
        {URL("ldap://"), "url", "must be ldap:// or ldaps://"},
        {URL("ldap://h/dc=x"), "url", "must be ldap:// or ldaps://"},
        {URL("ldap://h?x"), "url", "must be ldap:// or ldaps://"},
        {URL("ldap://u@h"), "url", "must be ldap:// or ldaps://"},
        {URL("ldap://h:0"), "url", "must be ldap:// or ldaps://"},
        {URL("ldapi:///run/x"), "url", "must be ldap:// or ldaps://"},
        {"{" ADVANCED ",'startTls':true}", "startTls", "must be false with ldaps://"},
        {"{" SIMPLE ",'+':{'authenticationType':'ANY'}}", "authenticationType", "must be one of SIMPLE, ADVANCED"},
        {"{" SIMPLE_ONLY "'startTls':false}", "userConfigurationExpression", "is required with SIMPLE"},
        {EXPRESSION("uid=x,dc=y"), "userConfigurationExpression", "must have {{username}} once"},
        {EXPRESSION("uid={{username}},cn={{username}}"), "userConfigurationExpression", "must have {{username}} once"},
        {EXPRESSION("uid={{username}},cn={{password}}"), "userConfigurationExpression", "must not have {{password}}"},
        {EXPRESSION("uid={{address}}"), "userConfigurationExpression", "not for this field"},
        {EXPRESSION("uid={{user}}"), "userConfigurationExpression", "has '{{' without"},
        {EXPRESSION("{{username}}"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("{{username}}=x"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}},"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}};dc=x"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}},dc="), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}}\\\\"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}},dc=\\\\zz"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}},1.2.=x"), "userConfigurationExpression", "must be a distinguished name"},
        {EXPRESSION("uid={{username}},o=#4"), "userConfigurationExpression", "must be a distinguished name"},
        {"{" ADVANCED ",'+':{'userBaseDnList':[]}}", "userBaseDnList", "must not be empty with ADVANCED"},
        {"{" ADVANCED ",'+':{'userBaseDnList':['x']}}", "userBaseDnList[0]", "must be a distinguished name"},
        {"{" ADVANCED ",'groupBaseDnList':['dc=x','dc=x']}", "groupBaseDnList[1]", "twice"},
        {"{" ADVANCED ",'userSearchScope':'ALL'}", "userSearchScope", "must be one of SUBTREE, ONELEVEL, BASE"},
        {BIND("svc"), "bindDn", "must be a distinguished name"},
        {"{" ADVANCED ",'bindPassword':'x'}", "bindPassword", "is for a bindDn"},
        {"{" ADVANCED ",'bindDn':'cn=x','bindPassword':{'sealed':'Af9z'}}", "bindPassword", "must be a string"},
        {"{" ADVANCED ",'userNameAttribute':'u id'}", "userNameAttribute", "must be a name of letters"},
        {"{" ADVANCED ",'userNameAttribute':'*'}", "userNameAttribute", "must be a name of letters"},
        {"{" ADVANCED ",'emailAttribute':''}", "emailAttribute", "must not be empty"},
        {"{" ADVANCED ",'groupObjectClass':'a)(b'}", "groupObjectClass", "must be a name of letters"},
        {"{" ADVANCED ",'groupMemberType':'UID'}", "groupMemberType", "must be one of DN, LOGIN"},
        {FILTER("a=b"), "userFilter", "must be a filter in parentheses"},
        {FILTER("(a=b"), "userFilter", "must be a filter"},
        {FILTER("(a=b))"), "userFilter", "must be a filter"},
        {FILTER("(a=b)(c=d)"), "userFilter", "must be a filter"},
        {FILTER("(&)"), "userFilter", "must be a filter"},
        {FILTER("(!(a=b)(c=d))"), "userFilter", "must be a filter"},
        {FILTER("(=b)"), "userFilter", "must be a filter"},
        {FILTER("(a>=b*)"), "userFilter", "must be a filter"},
        {FILTER("(a=\\\\g0)"), "userFilter", "must be a filter"},
        {FILTER("(:=x)"), "userFilter", "must be a filter"},
        {FILTER("(a:dn:b:c:=x)"), "userFilter", "must be a filter"},
        {FILTER("(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(a=b)))))))))))))))))"), "userFilter", "must be a filter"},
        {"{" SIMPLE ",'groupFilter':'(a=b'}", "groupFilter", "must be a filter"},
        {"{" SIMPLE "," CLAIM("attributesToFetch", "a b", "x") "}", "attributesToFetch[0].source", "an attribute"},
        {"{" SIMPLE ",'tls':{'ca':'x'}}", "tls.ca", "in PEM"},
        {"{" SIMPLE ",'tls':{'serverName':'x'}}", "tls.serverName", "is not a known field"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

#define CONNECTION(text) "{" DB ",'+':{'connectionString':'" text "'}}"
#define STATEMENT(text)  "{" DB ",'+':{'query':'" text "'}}"

static void refuses_of_databases(void **state) {
    static const refusal_t rows[] = {
        {CONNECTION(""), "connectionString", "must not be empty"},
        {CONNECTION("x"), "connectionString", "must be key=value"},
        {CONNECTION("=x"), "connectionString", "must be key=value"},
        {CONNECTION("a=b;pwd=x"), "connectionString", "must not have the login"},
        {CONNECTION("a=b; UID =x"), "connectionString", "must not have the login"},
        {CONNECTION("a=b; FileDSN =x"), "connectionString", "must not have FILEDSN"},
        {CONNECTION("LoadExt=x.so"), "connectionString", "must not have FILEDSN"},
        {CONNECTION("Driver=/var/lib/x.so;a=b"), "connectionString", "names a driver"},
        {CONNECTION("a=b; driver = {/tmp/x.so}"), "connectionString", "names a driver"},
        {CONNECTION("Driver=/usr/lib/../../tmp/x.so"), "connectionString", "names a driver"},
        {CONNECTION("Driver=x/y.so"), "connectionString", "names a driver"},
        {CONNECTION("a={b"), "connectionString", "has a '{' without '}'"},
        {CONNECTION("a={b}c;d=e"), "connectionString", "has a '{' without '}'"},
        {CONNECTION("a={b};PWD={c}"), "connectionString", "must not have the login"},
        {"{" DB ",'password':'x'}", "password", "is for a username"},
        {"{" DB ",'+':{'passwordFormat':'PLAIN'}}", "passwordFormat", "must be one of QUERY, CLEAR"},
        {"{" DB_OF(ROW, "CLEAR") "}", "passwordColumn", "is required"},
        {"{" DB_OF(ROW, "DIGEST") ",'passwordColumn':'p'}", "passwordDigest", "is required"},
        {"{" DB_OF(ROW, "DIGEST") ",'passwordColumn':'p','passwordDigest':'CRC'}", "passwordDigest", "must be one of"},
        {"{" DB_OF(ROW, "DIGEST") ",'passwordColumn':'p','passwordDigest':'MD5','passwordIterations':0}",
         "passwordIterations", "from 1 to"},
        {STATEMENT("DELETE FROM u WHERE n=:username"), "query", "must begin with SELECT"},
        {STATEMENT("SELECTED"), "query", "must begin with SELECT"},
        {STATEMENT("SELECT 1"), "query", "must have :username"},
        {STATEMENT("SELECT :username"), "query", "must have :password with passwordFormat QUERY"},
        {STATEMENT("SELECT \\':username :password\\'"), "query", "must have :username"},
        {STATEMENT("SELECT x::username, y::password"), "query", "must have :username"},
        {STATEMENT("SELECT :username, :password, :other"), "query", "neither :username nor :password"},
        {STATEMENT("SELECT :usernames, :username, :password"), "query", "neither :username nor :password"},
        {STATEMENT("SELECT :username, :password; DROP TABLE u"), "query", "without ';'"},
        {STATEMENT("SELECT :username, :password -- x"), "query", "must not have comments"},
        {STATEMENT("SELECT :username, /* x */ :password"), "query", "must not have comments"},
        {STATEMENT("SELECT :username, :password, ?"), "query", "must not have '?'"},
        {STATEMENT("SELECT :username, :password, $$x$$"), "query", "must not have '?'"},
        {STATEMENT("SELECT :username, :password, \\'x"), "query", "a quote without its end"},
        {STATEMENT("SELECT :username, :password, \\'a\\\\\\\\b\\'"), "query", "in quotes"},
        {"{" DB_COLUMN ",'+':{'query':'" QUERY "'}}", "query", "must not have :password"},
        {"{" DB ",'roleQuery':'SELECT 1'}", "roleQuery", "must have :username"},
        {"{" DB ",'roleQuery':'SELECT :username, :password'}", "roleQuery", "must not have :password"},
        {"{" DB ",'listQuery':'SELECT :username'}", "listQuery", "must not have :username"},
        {"{" DB ",'userNameColumn':''}", "userNameColumn", "must not be empty"},
        {"{" DB "," CLAIM("columnsToFetch", "x", "sub") "}", "columnsToFetch[0].claim", "registered claim"},
        {"{" DB "," CLAIM("columnsToFetch", "a b", "") "}", "columnsToFetch[0].claim", "visible ASCII"},
        {"{" DB "," CLAIM("columnsToFetch", "a", "tg_x") "}", "columnsToFetch[0].claim", "something else"},
        {"{" DB ",'columnsToFetch':[{'source':'a'},{'source':'b','claim':'a'}]}", "columnsToFetch[1].claim", "twice"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

#define AT(text)     API("'+':{'url':'" text "'}")
#define HEADER(rest) API("'headerList':[{" rest "}]")

static void refuses_of_apis(void **state) {
    static const refusal_t rows[] = {
        {AT("ftp://h"), "url", "must begin with http"},
        {AT("http://u:p@h"), "url", "user name"},
        {AT("http://{{username}}.h/"), "url", "before its path"},
        {AT("http://h{{username}}"), "url", "before its path"},
        {AT("{{username}}"), "url", "before its path"},
        {AT("http://h/{{password}}"), "url", "must not have {{password}}"},
        {AT("http://h/?p={{password}}"), "url", "must not have {{password}}"},
        {AT("http://h/{{user}}"), "url", "has '{{' without"},
        {AT("http://h/?a=%2"), "url", "two hexadecimal digits"},
        {AT("http://h/?a={b}"), "url", "RFC 3986 3.4"},
        {AT("http://h/../a"), "url", "segment"},
        {AT("http://h/#a"), "url", "fragment"},
        {API("'method':'DELETE'"), "method", "must be one of GET, POST, PUT, PATCH"},
        {API("'method':'GET'"), "bodyType", "must be NONE with method GET"},
        {API_OF("'bodyType':'JSON'"), "body", "is required"},
        {API_OF("'bodyType':'FORM'"), "formList", "must not be empty"},
        {API_OF(JSON("{\\'u\\':{{username}}}")), "body", "only inside of strings"},
        {API_OF(JSON("{\\'u\\':\\'{{user}}\\'}")), "body", "has '{{' without"},
        {API_OF(JSON("[{\\'a{{username}}\\':1}]")), "body", "in the name of a member"},
        {API_OF(JSON("x")), "body", "must be JSON"},
        {HEADER("'value':'x'"), "headerList[0].name", "is required"},
        {HEADER("'name':'X-A'"), "headerList[0].value", "is required"},
        {HEADER("'name':'X A','value':'x'"), "headerList[0].name", "must be a header name"},
        {HEADER("'name':'host','value':'x'"), "headerList[0].name", "the connection or the message owns"},
        {HEADER("'name':'X-A','value':'\xc3\xa4'"), "headerList[0].value", "visible ASCII"},
        {HEADER("'name':'X-A','value':'a\\r\\nb'"), "headerList[0].value", "control characters"},
        {HEADER("'name':'X-A','value':'{{x}}'"), "headerList[0].value", "has '{{' without"},
        {HEADER("'name':'X-A','value':'{{x}}','secret':true"), "headerList[0].value", "has '{{' without"},
        {HEADER("'name':'X-A','value':{'sealed':'Af9z'},'secret':true"), "headerList[0].value", "must be a string"},
        {HEADER("'name':'X-A','value':{'sealed':'Af9z'}"), "headerList[0].value", "must be a string"},
        {API("'headerList':[{'name':'X-A','value':'b'},{'name':'x-a','value':'b'}]"), "headerList[1].name", "twice"},
        {API("'statusFrom':99"), "statusFrom", "from 100 to 599"},
        {API("'statusFrom':300"), "statusTo", "must not be less than statusFrom"},
        {API("'jsonValue':1"), "jsonValue", "is for a jsonPath"},
        {API("'jsonPath':'$.a','jsonValue':{}"), "jsonValue", "must be a string, a number, true or false"},
        {API("'jsonPath':'a.b'"), "jsonPath", "begins with $"},
        {API("'jsonPath':'$.a[*]'"), "jsonPath", "without [*]"},
        {API("'jsonPath':'$..a'"), "jsonPath", "must be $ and steps"},
        {API("'jsonPath':'$.a[-1]'"), "jsonPath", "must be $ and steps"},
        {API("'jsonPath':'$[\\'a]'"), "jsonPath", "must be $ and steps"},
        {API("'rolesPath':'$.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q'"), "rolesPath", "at most 16 steps"},
        {API("'subjectPath':'$.a '"), "subjectPath", "must be $ and steps"},
        {API(CLAIM("pathsToFetch", "x", "x")), "pathsToFetch[0].source", "begins with $"},
        {API("'tls':{'clientKey':'x'}"), "tls.clientKey", "is for a clientCertificate"},
        {API("'tls':{'clientCertificate':'x'}"), "tls.clientCertificate", "in PEM"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

/* ---- secrets ---- */

#define SEALED_JSON "{'sealed':'" SEALED_TEXT "'}"
#define PEM         "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"
#define STORED_API                                                                                                     \
    API("'headerList':[{'name':'X-Open','value':'a'},{'name':'X-Key','secret':true,'value':" SEALED_JSON "}],"         \
        "'tls':{'clientCertificate':'" PEM "','clientKey':" SEALED_JSON "}")

static void what_is_stored_is_sealed(void **state) {
    static const char *const good[] = {
        "{" ADVANCED ",'bindDn':'cn=x','bindPassword':" SEALED_JSON "}",
        "{" DB ",'username':'u','password':" SEALED_JSON "}",
        "{" DB ",'username':'u'}",
        STORED_API,
    };
    static const refusal_t rows[] = {
        {"{" ADVANCED ",'bindDn':'cn=x'}", "bindPassword", "is required with bindDn"},
        {"{" ADVANCED ",'bindDn':'cn=x','bindPassword':'geheim'}", "bindPassword", "must be sealed"},
        {"{" DB ",'username':'u','password':'geheim'}", "password", "must be sealed"},
        {HEADER("'name':'X-A','secret':true"), "headerList[0].value", "is required"},
        {HEADER("'name':'X-A','secret':true,'value':'x'"), "headerList[0].value", "must be sealed"},
        {API_OF("'bodyType':'FORM','formList':[{'name':'a','secret':true}]"), "formList[0].value", "is required"},
        {API("'tls':{'clientCertificate':'" PEM "'}"), "tls.clientKey", "is required with clientCertificate"},
        {"{" DB ",'username':'u','password':{'sealed':'%'}}", "password.sealed", "base64url"},
        {"{" DB ",'username':'u','password':{}}", "password.sealed", "is required"},
    };
    (void)state;
    accepted(read_stored, ROWS(good));
    refused(read_stored, ROWS(rows));
    survives_lack_of_memory(read_stored, STORED_API);
}

typedef struct {
    tg_buf_t places;
    size_t stop_at, n;
} seen_t;

static tg_err_t see(void *ctx, const char *place, tg_provider_secret_t *secret) {
    seen_t *s = ctx;
    tg_buf_putf(&s->places, "%s=%.*s%.*s ", place, TG_STR_ARGS(secret->clear), TG_STR_ARGS(secret->sealed));
    return ++s->n == s->stop_at ? TG_ERR_LIMIT : TG_OK;
}

static void walk(const char *text, size_t stop_at, tg_err_t wanted, const char *places) {
    tg_arena_t a;
    tg_identity_provider_t p;
    seen_t s = {.stop_at = stop_at};
    json_t *body = body_load(text);
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&s.places, 1 << 16);
    assert_int_equal(tg_identity_provider_parse(body, TG_STR("shop"), &a, &p, NULL), TG_OK);
    assert_int_equal(tg_identity_provider_secrets(&p, see, &s), wanted);
    assert_true(tg_str_eq(tg_buf_str(&s.places), tg_str(places)));
    tg_buf_release(&s.places);
    tg_arena_release(&a);
    json_decref(body);
}

#define THREE                                                                                                          \
    API("'headerList':[{'name':'a','value':'x'},{'name':'b','value':'y','secret':true},{'name':'c','secret':true}]")

static void secrets_are_walked_in_a_fixed_order(void **state) {
    (void)state;
    walk("{" ADVANCED ",'bindDn':'cn=x','bindPassword':'geheim'}", 0, TG_OK, "bindPassword=geheim ");
    walk("{" DB ",'username':'u','password':'geheim'}", 0, TG_OK, "password=geheim ");
    walk(THREE, 0, TG_OK, "tls.clientKey= headerList[1].value=y headerList[2].value= ");
    walk(THREE, 2, TG_ERR_LIMIT, "tls.clientKey= headerList[1].value=y ");
    walk(API_OF("'bodyType':'FORM','formList':[{'name':'k','value':'z','secret':true}]"), 0, TG_OK,
         "tls.clientKey= formList[0].value=z ");
}

/* "" takes a secret away, a member that is left out keeps it. */
static void none_and_left_out_are_told_apart(void **state) {
    tg_arena_t a;
    tg_identity_provider_t none, left_out;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    json_t *body = body_load("{" DB ",'username':'u','password':''}");
    assert_int_equal(tg_identity_provider_parse(body, TG_STR("p"), &a, &none, NULL), TG_OK);
    json_object_del(body, "password");
    assert_int_equal(tg_identity_provider_parse(body, TG_STR("p"), &a, &left_out, NULL), TG_OK);
    assert_non_null(none.of.database.password.clear.p);
    assert_null(left_out.of.database.password.clear.p);
    json_decref(body);
    tg_arena_release(&a);
}

static void a_secret_is_never_written_clear(void **state) {
    static const char *const bodies[] = {"{" ADVANCED ",'bindDn':'cn=x','bindPassword':'geheim'}",
                                         "{" DB ",'username':'u','password':'geheim'}",
                                         HEADER("'name':'a','value':'geheim','secret':true"),
                                         API("'tls':{'clientCertificate':'" PEM "','clientKey':'geheim'}")};
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        json_t *written = round_trip(read_body, bodies[i]);
        char *text = json_dumps(written, 0);
        assert_null(strstr(text, "geheim"));
        free(text);
        json_decref(written);
    }
}

/* ---- what it can do ---- */

static void what_each_can_do(void **state) {
    static const struct {
        const char *body;
        bool looks_up, lists, asks;
    } rows[] = {
        {"{" SIMPLE "}", false, false, true},
        {"{" ADVANCED "}", true, true, true},
        {"{" DB "}", false, false, true},
        {"{" DB ",'listQuery':'SELECT 1'}", false, true, true},
        {"{" DB_COLUMN "}", true, false, true},
        {API("'enabled':true"), false, false, true},
        {API_OF(JSON("{\\'u\\':\\'{{username}}\\'}")), false, false, false},
        {API_OF("'bodyType':'FORM','formList':[{'name':'p','value':'{{password}}'}]"), false, false, true},
        {API_OF("'bodyType':'NONE','headerList':[{'name':'p','value':'{{password}}'}]"), false, false, true},
        {API_OF("'bodyType':'NONE'"), false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_arena_t a;
        tg_identity_provider_t p;
        json_t *body = body_load(rows[i].body);
        tg_arena_init(&a, 1 << 20);
        assert_int_equal(tg_identity_provider_parse(body, TG_STR("shop"), &a, &p, NULL), TG_OK);
        assert_int_equal(tg_identity_provider_looks_up(&p), rows[i].looks_up);
        assert_int_equal(tg_identity_provider_lists(&p), rows[i].lists);
        assert_int_equal(tg_identity_provider_asks_password(&p), rows[i].asks);
        tg_arena_release(&a);
        json_decref(body);
    }
}

static void defaults(void **state) {
    tg_arena_t a;
    tg_identity_provider_t p;
    json_t *body = body_load("{" ADVANCED "}");
    (void)state;
    tg_arena_init(&a, 1 << 20);
    assert_int_equal(tg_identity_provider_parse(body, TG_STR("shop"), &a, &p, NULL), TG_OK);
    assert_true(p.enabled && p.of.ldap.tls.verify && !p.of.ldap.start_tls && !p.check_at_refresh && !p.sync.enabled);
    assert_int_equal(p.timeout_ms, 5000);
    assert_int_equal(p.pool_size, 4);
    assert_int_equal(p.queue_size, 64);
    assert_int_equal(p.breaker_failures, 5);
    assert_int_equal(p.breaker_open_ms, 10000);
    assert_int_equal(p.cache_s, 0);
    assert_int_equal(p.sync.interval_ms, TG_DAY_MS);
    assert_int_equal(p.sync.missing, TG_SYNC_DISABLE);
    assert_int_equal(p.sync.max_users, 100000);
    assert_true(tg_str_eq(p.project, TG_STR("shop")));
    assert_true(tg_str_eq(p.of.ldap.user_class, TG_STR("inetOrgPerson")));
    assert_true(tg_str_eq(p.of.ldap.group_member, TG_STR("uniqueMember")));
    assert_int_equal(p.of.ldap.user_scope, TG_LDAP_SUBTREE);
    json_decref(body);
    tg_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_written_as_it_was_read),
        cmocka_unit_test(refuses_members_of_another_type),
        cmocka_unit_test(refuses_what_every_provider_has),
        cmocka_unit_test(refuses_of_directories),
        cmocka_unit_test(refuses_of_databases),
        cmocka_unit_test(refuses_of_apis),
        cmocka_unit_test(what_is_stored_is_sealed),
        cmocka_unit_test(secrets_are_walked_in_a_fixed_order),
        cmocka_unit_test(none_and_left_out_are_told_apart),
        cmocka_unit_test(a_secret_is_never_written_clear),
        cmocka_unit_test(what_each_can_do),
        cmocka_unit_test(defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// JSON as tools need it, and what the world `tool` asks of a component.

#include "errand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- texts

static void room(errand_text *text, size_t more) {
    if (text->length + more < text->room) return;
    text->room = (text->length + more + 1) * 2;
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes) abort();
}

static void add(errand_text *text, const char *bytes, size_t length) {
    room(text, length + 1);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static void vadd(errand_text *text, const char *format, va_list given) {
    va_list again;
    va_copy(again, given);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) abort();
    room(text, (size_t)length + 1);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, given);
    text->length += (size_t)length;
}

void errand_printf(errand_text *text, const char *format, ...) {
    va_list given;
    va_start(given, format);
    vadd(text, format, given);
    va_end(given);
}

bool errand_fail(errand_text *text, const char *format, ...) {
    va_list given;
    va_start(given, format);
    text->length = 0;
    vadd(text, format, given);
    va_end(given);
    return false;
}

void errand_quote(errand_text *text, const char *string) {
    add(text, "\"", 1);
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\') errand_printf(text, "\\%c", *c);
        else if ((unsigned char)*c < 0x20) errand_printf(text, "\\u%04x", *c);
        else add(text, c, 1);
    }
    add(text, "\"", 1);
}

// ---- arguments: the members of one object, as text; what is nested stays as it is written

typedef struct {
    char *name;
    char *value; // of a string its characters, of anything else its JSON
    bool string;
} member;

struct errand_json {
    member *members;
    size_t count;
};

static void blank(const char **at) {
    while (**at == ' ' || **at == '\n' || **at == '\t' || **at == '\r') ++*at;
}

static unsigned hex(const char **at) {
    unsigned code = 0;
    for (int i = 0; i < 4 && **at; i++, ++*at) {
        char c = **at;
        code = code * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return code;
}

static void utf8(errand_text *text, unsigned code) {
    char bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(code | first[length]);
    add(text, bytes, length);
}

// Reads a string; `at` stands on its first quote, and then behind its last.
static char *string(const char **at) {
    errand_text text = {0};
    add(&text, "", 0);
    for (++*at; **at && **at != '"';) {
        if (**at != '\\') {
            add(&text, (*at)++, 1);
            continue;
        }
        char escaped = *++*at;
        if (escaped) ++*at;
        switch (escaped) {
        case 'n': add(&text, "\n", 1); break;
        case 't': add(&text, "\t", 1); break;
        case 'r': add(&text, "\r", 1); break;
        case 'b': add(&text, "\b", 1); break;
        case 'f': add(&text, "\f", 1); break;
        case 'u': {
            unsigned code = hex(at);
            if (code >= 0xD800 && code < 0xDC00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
                *at += 2;
                code = 0x10000 + ((code - 0xD800) << 10) + (hex(at) - 0xDC00);
            }
            utf8(&text, code);
            break;
        }
        default: add(&text, &escaped, escaped != 0);
        }
    }
    if (**at) ++*at;
    return text.bytes;
}

// Reads any value but a string as it is written.
static char *raw(const char **at) {
    const char *start = *at;
    int depth = 0;
    while (**at) {
        if (**at == '"') {
            free(string(at));
            continue;
        }
        if (depth == 0 && (**at == ',' || **at == '}')) break;
        depth += (**at == '{' || **at == '[') - (**at == '}' || **at == ']');
        ++*at;
    }
    while (*at > start && ((*at)[-1] == ' ' || (*at)[-1] == '\n')) --*at;
    char *value = strndup(start, (size_t)(*at - start));
    if (!value) abort();
    return value;
}

static errand_json parsed(const char *at) {
    errand_json json = {0};
    blank(&at);
    if (*at == '{') at++;
    for (;;) {
        blank(&at);
        if (*at == ',') {
            at++;
            continue;
        }
        if (*at != '"') return json;
        member next = {.name = string(&at)};
        blank(&at);
        if (*at == ':') at++;
        blank(&at);
        next.string = *at == '"';
        next.value = next.string ? string(&at) : raw(&at);
        json.members = realloc(json.members, (json.count + 1) * sizeof next);
        if (!json.members) abort();
        json.members[json.count++] = next;
    }
}

static const member *find(const errand_json *arguments, const char *name) {
    for (size_t i = 0; i < arguments->count; i++) {
        if (strcmp(arguments->members[i].name, name) == 0) return &arguments->members[i];
    }
    return NULL;
}

bool errand_has(const errand_json *arguments, const char *name) {
    return find(arguments, name) != NULL;
}

const char *errand_string(const errand_json *arguments, const char *name) {
    const member *found = find(arguments, name);
    return found && found->string ? found->value : "";
}

double errand_number(const errand_json *arguments, const char *name, double otherwise) {
    const member *found = find(arguments, name);
    if (!found || found->string) return otherwise;
    char *end;
    double number = strtod(found->value, &end);
    return end == found->value ? otherwise : number;
}

bool errand_bool(const errand_json *arguments, const char *name, bool otherwise) {
    const member *found = find(arguments, name);
    if (!found || found->string) return otherwise;
    return strcmp(found->value, "true") == 0;
}

// ---- the world

static void strings(tool_list_string_t *to, const char *const *from) {
    while (from && from[to->len]) to->len++;
    to->ptr = calloc(to->len + 1, sizeof *to->ptr);
    if (!to->ptr) abort();
    for (size_t i = 0; i < to->len; i++) tool_string_dup(&to->ptr[i], from[i]);
}

void exports_tool_describe(tool_manifest_t *manifest) {
    const errand_component *this = &errand_this;
    memset(manifest, 0, sizeof *manifest);
    tool_string_dup(&manifest->description, this->description);
    size_t count = 0;
    while (this->tools[count].name) count++;
    manifest->tools.ptr = calloc(count + 1, sizeof *manifest->tools.ptr);
    if (!manifest->tools.ptr) abort();
    manifest->tools.len = count;
    for (size_t i = 0; i < count; i++) {
        const errand_tool *from = &this->tools[i];
        errand_tool_manifest_types_tool_spec_t *to = &manifest->tools.ptr[i];
        tool_string_dup(&to->name, from->name);
        tool_string_dup(&to->description, from->description);
        tool_string_dup(&to->input, from->input);
        tool_string_dup(&to->output, from->output);
        to->effect = (uint8_t)from->effect;
        to->idempotent = from->idempotent || from->effect <= ERRAND_READS;
    }
    strings(&manifest->wants.net, this->net);
    strings(&manifest->wants.read, this->read);
    strings(&manifest->wants.write, this->write);
    strings(&manifest->wants.tools, this->calls);
    manifest->wants.kv = this->kv;
    size_t secrets = 0;
    while (this->secrets && this->secrets[secrets].name) secrets++;
    manifest->wants.secrets.len = secrets;
    manifest->wants.secrets.ptr = calloc(secrets + 1, sizeof *manifest->wants.secrets.ptr);
    if (!manifest->wants.secrets.ptr) abort();
    for (size_t i = 0; i < secrets; i++) {
        tool_string_dup(&manifest->wants.secrets.ptr[i].name, this->secrets[i].name);
        tool_string_dup(&manifest->wants.secrets.ptr[i].host, this->secrets[i].host);
        tool_string_dup(&manifest->wants.secrets.ptr[i].header, this->secrets[i].header);
    }
}

static bool is(const tool_string_t *text, const char *name) {
    return text->len == strlen(name) && memcmp(text->ptr, name, text->len) == 0;
}

bool exports_tool_invoke(
    tool_string_t *tool, tool_string_t *arguments, tool_string_t *result, tool_string_t *error) {
    errand_text out = {0};
    add(&out, "", 0);
    bool done = false;
    const errand_tool *wanted = errand_this.tools;
    while (wanted->name && !is(tool, wanted->name)) wanted++;
    if (!wanted->name) {
        errand_fail(&out, "this component has no tool `%.*s`", (int)tool->len, (char *)tool->ptr);
    } else {
        char *text = strndup((char *)arguments->ptr, arguments->len);
        if (!text) abort();
        errand_json json = parsed(text);
        done = wanted->run(&json, &out);
        // A component is used for one call: what is left is gone with it.
    }
    tool_string_t *to = done ? result : error;
    tool_string_dup_n(to, out.bytes, out.length);
    return done;
}

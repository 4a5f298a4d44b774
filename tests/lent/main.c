// Uses each thing that a host lends, once, through the SDK.

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"

static tool_string_t words(const char *text) {
    return (tool_string_t){(uint8_t *)text, strlen(text)};
}

// A text of the host's with a zero at its end.
static char *copied(const uint8_t *bytes, size_t length) {
    char *copy = malloc(length + 1);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

static bool all(const errand_json *arguments, errand_text *out) {
    (void)arguments;
    tool_string_t error, key = words("n"), gone = words("gone");
    tool_string_t line = words("looking\x1b[31m around\xe2\x80\xae"), half = words("half way");
    errand_tool_log_write(ERRAND_TOOL_LOG_LEVEL_INFO, &line);
    uint64_t two = 2;
    errand_tool_progress_report(1, &two, &half);

    tool_option_list_u8_t kept;
    if (!errand_tool_kv_get(&key, &kept, &error)) goto failed;
    int before = kept.is_some ? atoi(copied(kept.val.ptr, kept.val.len)) : 0;
    char number[16];
    tool_list_u8_t value = {(uint8_t *)number, (size_t)snprintf(number, 16, "%d", before + 1)};
    if (!errand_tool_kv_set(&key, &value, &error)) goto failed;
    if (!errand_tool_kv_set(&gone, &value, &error)) goto failed;
    if (!errand_tool_kv_delete(&gone, &error)) goto failed;
    tool_list_string_t keys, roots;
    if (!errand_tool_kv_keys(&keys, &error)) goto failed;
    errand_tool_files_roots(&roots);

    tool_string_t page = words("docs/a.md"), folder = words("docs"), to = words("out/b.md");
    tool_list_u8_t read;
    if (!errand_tool_files_read(&page, &read, &error)) goto failed;
    errand_tool_files_list_entry_t entries;
    if (!errand_tool_files_list(&folder, &entries, &error)) goto failed;
    char *loud = copied(read.ptr, read.len);
    for (char *c = loud; *c; c++) *c = (char)toupper((unsigned char)*c);
    tool_list_u8_t louder = {(uint8_t *)loud, read.len};
    if (!errand_tool_files_write(&to, &louder, &error)) goto failed;
    tool_string_t hidden = words("secret.txt"), why;
    tool_list_u8_t none;
    bool refused = !errand_tool_files_read(&hidden, &none, &why);

    tool_string_t plain = words("http://AT/plain");
    errand_tool_http_response_t got, sent;
    errand_tool_http_header_t headers[2] = {
        {words("content-type"), {ERRAND_TOOL_HTTP_HEADER_VALUE_TEXT, {words("application/json")}}},
        {words("x-key"), {ERRAND_TOOL_HTTP_HEADER_VALUE_SECRET, {words("TOOL_KEY")}}},
    };
    errand_tool_http_request_t request = {
        words("POST"),
        words("http://AT/posted"),
        {headers, 2},
        {true, {(uint8_t *)"{\"a\":1}", 7}},
    };
    if (!errand_tool_http_send(&request, &sent, &error)) goto failed;
    if (!errand_tool_http_get(&plain, &got, &error)) goto failed;

    tool_string_t tool = words("files.read"), with = words("{\"path\":\"docs/a.md\"}"), called;
    if (!errand_tool_tools_call(&tool, &with, &called, &error)) goto failed;

    errand_printf(out, "{\"before\":%d,\"keys\":[", before);
    errand_quote(out, copied(keys.ptr[0].ptr, keys.ptr[0].len));
    errand_printf(out, "],\"roots\":[");
    errand_quote(out, copied(roots.ptr[0].ptr, roots.ptr[0].len));
    errand_printf(out, "],\"text\":");
    errand_quote(out, copied(read.ptr, read.len));
    errand_printf(out, ",\"names\":[");
    errand_quote(out, copied(entries.ptr[0].path.ptr, entries.ptr[0].path.len));
    errand_printf(out, "],\"got\":");
    errand_quote(out, copied(got.body.ptr, got.body.len));
    errand_printf(out, ",\"sent\":%s,\"refused\":%s,\"called\":",
                  copied(sent.body.ptr, sent.body.len), refused ? "true" : "false");
    // The result is JSON with one text; the test looks into it.
    errand_quote(out, copied(called.ptr, called.len));
    errand_printf(out, "}");
    return keys.len == 1 && roots.len == 1 && entries.len == 1;

failed:
    return errand_fail(out, "%s", copied(error.ptr, error.len));
}

static const errand_tool tools[] = {
    {
        .name = "all",
        .description = "Uses all that there is.",
        .effect = ERRAND_EGRESS,
        .input = "{\"type\":\"object\",\"additionalProperties\":false}",
        .output = "{}",
        .run = all,
    },
    {0},
};

static const char *const net[] = {"AT", NULL};
static const char *const reads[] = {"docs", NULL};
static const char *const writes[] = {"out", NULL};
static const char *const calls[] = {"files.read", NULL};
static const errand_secret secrets[] = {{"TOOL_KEY", "AT", "x-key"}, {0}};

const errand_component errand_this = {
    .description = "Uses all that there is.",
    .tools = tools,
    .net = net,
    .read = reads,
    .write = writes,
    .calls = calls,
    .secrets = secrets,
    .kv = true,
};

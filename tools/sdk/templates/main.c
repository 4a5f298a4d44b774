// NAME: tools for an agent. A tool is a function; the table at the end names them.

#include <ctype.h>
#include <string.h>

#include "errand.h"

// The result is JSON, written to `out`; an error is a sentence for the model.
static bool count(const errand_json *arguments, errand_text *out) {
    const char *text = errand_string(arguments, "text");
    int characters = 0, words = 0, lines = 0;
    bool in_word = false;
    for (const char *c = text; *c; c++) {
        characters += (*c & 0xC0) != 0x80; // what goes on with a character is not another one
        bool space = isspace((unsigned char)*c);
        words += !space && !in_word;
        in_word = !space;
        lines += *c == '\n' || c[1] == '\0';
    }
    if (words == 0) return errand_fail(out, "the text is empty");
    errand_printf(out, "{\"characters\":%d,\"words\":%d,\"lines\":%d}", characters, words, lines);
    return true;
}

static const errand_tool tools[] = {
    {
        .name = "count",
        .description = "Counts the characters, words and lines of a text.",
        .effect = ERRAND_PURE,
        .input = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\","
                 "\"description\":\"The text to look at.\"}},"
                 "\"required\":[\"text\"],\"additionalProperties\":false}",
        .output = "{\"type\":\"object\",\"properties\":{\"characters\":{\"type\":\"integer\"},"
                  "\"words\":{\"type\":\"integer\"},\"lines\":{\"type\":\"integer\"}},"
                  "\"required\":[\"characters\",\"words\",\"lines\"]}",
        .run = count,
    },
    {0},
};

const errand_component errand_this = {
    .description = "Counts what is in a text.",
    .tools = tools,
};

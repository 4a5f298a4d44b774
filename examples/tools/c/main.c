// Names that sound alike, and texts that are alike: Soundex, edit distance, CRC-32.

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"

// The code of a name as the US National Archives define it: its first letter and three digits.
static bool soundex_of(const char *name, char code[5]) {
    //                           abcdefghijklmnopqrstuvwxyz
    static const char digits[] = "01230120022455012623010202";
    int length = 0;
    char last = '0';
    memset(code, '0', 4);
    code[4] = '\0';
    for (const char *c = name; *c && length < 4; c++) {
        if (!isalpha((unsigned char)*c)) continue;
        char letter = (char)tolower((unsigned char)*c);
        char digit = digits[letter - 'a'];
        if (length == 0) code[length++] = (char)toupper((unsigned char)letter);
        else if (digit != '0' && digit != last) code[length++] = digit;
        // A vowel parts two letters of one digit; h and w do not.
        if (letter != 'h' && letter != 'w') last = digit;
    }
    return length > 0;
}

// How many letters have to be put in, taken out or changed to make one name the other.
static int distance(const char *one, const char *other) {
    size_t width = strlen(other);
    int *row = malloc((width + 1) * sizeof *row);
    if (!row) abort();
    for (size_t i = 0; i <= width; i++) row[i] = (int)i;
    for (size_t i = 1; one[i - 1]; i++) {
        int corner = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= width; j++) {
            bool same = tolower((unsigned char)one[i - 1]) == tolower((unsigned char)other[j - 1]);
            int change = corner + !same, remove = row[j] + 1, insert = row[j - 1] + 1;
            corner = row[j];
            row[j] = change < remove ? change : remove;
            if (insert < row[j]) row[j] = insert;
        }
    }
    int result = row[width];
    free(row);
    return result;
}

static bool alike(const errand_json *arguments, errand_text *out) {
    const char *one = errand_string(arguments, "one"), *other = errand_string(arguments, "other");
    char codes[2][5];
    if (!soundex_of(one, codes[0])) return errand_fail(out, "`%s` has no letter", one);
    if (!soundex_of(other, codes[1])) return errand_fail(out, "`%s` has no letter", other);
    bool same = strcmp(codes[0], codes[1]) == 0;
    errand_printf(out, "{\"alike\":%s,\"codes\":[\"%s\",\"%s\"],\"distance\":%d}",
                  same ? "true" : "false", codes[0], codes[1], distance(one, other));
    return true;
}

// CRC-32 as in zip and gzip (ISO 3309).
static bool crc32(const errand_json *arguments, errand_text *out) {
    uint32_t crc = 0xFFFFFFFF;
    for (const char *c = errand_string(arguments, "text"); *c; c++) {
        crc ^= (unsigned char)*c;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    errand_printf(out, "\"%08x\"", (unsigned)(crc ^ 0xFFFFFFFF));
    return true;
}

#define NAMES                                                                                      \
    "{\"type\":\"object\",\"properties\":{\"one\":{\"type\":\"string\"},\"other\":{\"type\":"      \
    "\"string\"}},\"required\":[\"one\",\"other\"],\"additionalProperties\":false}"

static const errand_tool tools[] = {
    {
        .name = "alike",
        .description = "Says whether two names sound alike in English (Soundex), and how many "
                       "letters they differ in.",
        .effect = ERRAND_PURE,
        .input = NAMES,
        .output = "{\"type\":\"object\",\"properties\":{\"alike\":{\"type\":\"boolean\"},"
                  "\"codes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                  "\"distance\":{\"type\":\"integer\"}},"
                  "\"required\":[\"alike\",\"codes\",\"distance\"]}",
        .run = alike,
    },
    {
        .name = "crc32",
        .description = "The CRC-32 of a text, as eight hexadecimal digits.",
        .effect = ERRAND_PURE,
        .input = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},"
                 "\"required\":[\"text\"],\"additionalProperties\":false}",
        .output = "{\"type\":\"string\"}",
        .run = crc32,
    },
    {0},
};

const errand_component errand_this = {
    .description = "Compares names by their sound, and texts by their checksum.",
    .tools = tools,
};

/* The work as a program: reads {"text": "…"} from standard input, writes {"words": …, "bytes": …}. */
#include <stdio.h>
#include <string.h>

static char in[1 << 16];

static int fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    return 1;
}

int main(void) {
    size_t length = fread(in, 1, sizeof in - 1, stdin);
    char *at = in, *end = in + length;
    *end = 0;
    at += strspn(at, " \t\r\n");
    if (*at++ != '{') return fail("no object");
    at += strspn(at, " \t\r\n");
    if (strncmp(at, "\"text\"", 6) != 0) return fail("no text");
    at += 6;
    at += strspn(at, " \t\r\n");
    if (*at++ != ':') return fail("no colon");
    at += strspn(at, " \t\r\n");
    if (*at++ != '"') return fail("no string");
    size_t words = 0, bytes = 0;
    int inside = 0;
    for (; at < end && *at != '"'; at++) {
        int letter = (unsigned char)*at;
        size_t wide = 1;
        if (letter == '\\') {
            switch (*++at) {
            case 'n': letter = '\n'; break;
            case 't': letter = '\t'; break;
            case 'r': letter = '\r'; break;
            case 'b': letter = '\b'; break;
            case 'f': letter = '\f'; break;
            case '"': case '\\': case '/': letter = *at; break;
            case 'u': {
                unsigned code;
                if (sscanf(at + 1, "%4x", &code) != 1) return fail("no escape");
                at += 4;
                letter = code < 128 ? (int)code : 'x';
                wide = code < 0x80 ? 1 : code < 0x800 ? 2 : (code & 0xf800) == 0xd800 ? 2 : 3;
                break;
            }
            default: return fail("no escape");
            }
        }
        bytes += wide;
        int space = letter == ' ' || (letter >= '\t' && letter <= '\r' && letter != '\v');
        words += !space && !inside;
        inside = !space;
    }
    if (at >= end || strspn(at + 1, " \t\r\n}") != (size_t)(end - at - 1)) return fail("no end");
    printf("{\"words\":%zu,\"bytes\":%zu}", words, bytes);
    return 0;
}

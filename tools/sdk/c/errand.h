// What a tool for Errand is written with, in C. A component defines `errand_this`; its tools read
// their arguments with `errand_string` and the others, and write their result as JSON.
//
// The host is reached through `tool.h`: errand_tool_http_get, errand_tool_files_read, …
// A component imports only what its program uses.

#ifndef ERRAND_H
#define ERRAND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "tool.h"

typedef enum {
    ERRAND_PURE,   // nothing but its result
    ERRAND_READS,  // looks at the world
    ERRAND_WRITES, // changes it
    ERRAND_EGRESS, // sends something out into it
} errand_effect;

// The arguments of a call: a JSON object that fits the tool's schema.
typedef struct errand_json errand_json;

// A text that grows.
typedef struct {
    char *bytes;
    size_t length, room;
} errand_text;

typedef struct {
    const char *name;
    const char *description; // one or two sentences, for the model
    errand_effect effect;
    bool idempotent;         // doing it twice is doing it once; of itself so for pure and reads
    const char *input;       // JSON Schema of the arguments: an object
    const char *output;      // JSON Schema of the result
    // Writes its result to `out` and returns true, or says what is wrong and returns false.
    bool (*run)(const errand_json *arguments, errand_text *out);
} errand_tool;

typedef struct {
    const char *name;   // the environment variable of whoever runs the tool
    const char *host;   // the only host whose requests carry it
    const char *header; // the only header that holds it
} errand_secret;

// What a component is. Lists end with an entry that is zero; what is left out is none.
typedef struct {
    const char *description;
    const errand_tool *tools;
    const char *const *net;   // hosts to send requests to
    const char *const *read;  // files and folders to read, "." for all that the agent may
    const char *const *write; // files and folders to write, likewise
    const char *const *calls; // other tools of the agent to call
    const errand_secret *secrets;
    bool kv;                  // whether values are kept between calls
} errand_component;

// Defined by the program.
extern const errand_component errand_this;

// An argument, or what stands for it where it is left out or of another type.
const char *errand_string(const errand_json *arguments, const char *name); // ""
double errand_number(const errand_json *arguments, const char *name, double otherwise);
bool errand_bool(const errand_json *arguments, const char *name, bool otherwise);
bool errand_has(const errand_json *arguments, const char *name);

// Adds to a text: as `printf` does, or a string as JSON, with its quotes.
void errand_printf(errand_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void errand_quote(errand_text *text, const char *string);

// Makes `text` the sentence that says what is wrong, and returns false.
bool errand_fail(errand_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

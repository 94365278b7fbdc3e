/* json.h: looking into JSON text where it lies: a model's configuration, an option's value. A value is where it begins;
   NULL goes through every function, so that a look-up may be written as a chain. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

const char *json_end(const char *value);                 /* behind it; NULL: this is no JSON */
const char *json_member(const char *object, const char *key);               /* NULL: it has none, or is no object */
const char *json_item(const char *list, int i);          /* of a list, or a value of an object; NULL behind the last */
const char *json_key(const char *object, int i);         /* as json_text */
const char *json_text(const char *value);                /* of a string, a copy that stays; NULL: it is none */
#endif

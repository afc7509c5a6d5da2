"""Objects held against the API's own schema (OpenAPI 2), strictly: no field that it does not know."""


class Schema:
    def __init__(self, swagger):
        self.definitions = swagger["definitions"]
        self.names = {(kind["group"], kind["version"], kind["kind"]): name
                      for name, form in self.definitions.items()
                      for kind in form.get("x-kubernetes-group-version-kind", [])}

    def faults(self, thing):
        """What is wrong with an object, each fault a line."""
        group, _, version = thing["apiVersion"].rpartition("/")
        name = self.names.get((group, version, thing["kind"]))
        if name is None:
            return [f"{thing['apiVersion']} {thing['kind']}: the API has no such kind"]
        return list(self._faults(thing, self.definitions[name], thing["kind"]))

    def _faults(self, value, form, path):
        if "$ref" in form:
            form = self.definitions[form["$ref"].removeprefix("#/definitions/")]
        kind = form.get("type")
        if not is_of(value, kind, form.get("format")):
            yield f"{path}: {value!r} is not of type {form.get('format', kind)}"
        elif kind == "array":
            for i, one in enumerate(value):
                yield from self._faults(one, form["items"], f"{path}[{i}]")
        elif isinstance(value, dict):
            yield from self._faults_of_fields(value, form, path)

    def _faults_of_fields(self, value, form, path):
        known, others = form.get("properties"), form.get("additionalProperties")
        if known is None and others is None:  # a quantity, a time, any JSON
            return
        for name in form.get("required", []):
            if name not in value:
                yield f"{path}: {name} is missing"
        for name, one in value.items():
            inner = (known or {}).get(name, others)
            if inner is None:
                yield f"{path}: {name} is not a field"
            else:
                yield from self._faults(one, inner, f"{path}.{name}")


def is_of(value, kind, form=None):
    """Whether a value has a type of the schema. A quantity is a string that may be a number."""
    if form == "int-or-string":
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {"object": isinstance(value, dict), "array": isinstance(value, list),
            "string": isinstance(value, str), "boolean": isinstance(value, bool),
            "integer": is_number and isinstance(value, int), "number": is_number,
            None: True}[kind]

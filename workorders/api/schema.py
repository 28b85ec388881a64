"""The OpenAPI document, told by the views themselves.

A view says in `answers` what each method answers; parameters, scopes and errors follow from what it is. Views that say
nothing are described as drf-spectacular does it, by serializers and `@extend_schema`.
"""

from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.contrib.django_oauth_toolkit import DjangoOAuthToolkitScheme
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from workorders.api.asked import object_schema
from workorders.api.filters import parameters_of
from workorders.api.idempotency import HEADER, KEPT_FOR
from workorders.api.paging import DEFAULT, LARGEST
from workorders.api.problems import CODES, MEDIA_TYPE, WITH_ORDER, body_of
from workorders.api.serializers import ProblemSerializer

JSON, FORM = "application/json", "multipart/form-data"
TEXT = {"type": "string", "minLength": 1}
READ_ERRORS = (400, 401, 403, 406, 429)
WRITE_ERRORS = (*READ_ERRORS, 409, 413, 415)
UNCHANGED = 304
HEADERS_OF_ANSWERS = {
    "ETag": "For If-None-Match; an order's begins with its version, for If-Match.",
    "RateLimit-Policy": 'How many calls in how many seconds: `"default";q=600;w=60`.',
    "RateLimit": 'What is left (r) and in how many seconds it starts anew (t): `"default";r=599;t=42`.',
}


class ClientScheme(DjangoOAuthToolkitScheme):
    target_class = "dispatch.oauth.ClientAuthentication"
    name = "oauth2"

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        scope = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method)
        return {self.name: [str(scope)] if scope else []}


class ApiSchema(AutoSchema):
    def get_operation_id(self) -> str:
        name = getattr(self.view, "operation", None)
        return f"{name}_{self.method.lower()}" if name else super().get_operation_id()

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "tag", None)
        return [tag] if tag else super().get_tags()

    def get_summary(self) -> str | None:
        return getattr(self.view, "summary", None) or super().get_summary()

    def get_request_serializer(self) -> Any:
        asked = getattr(self.view, "asked", {})
        shapes = {media: self._shape_of(one) if hasattr(one, "base_fields") else one for media, one in asked.items()}
        return shapes or super().get_request_serializer()

    def _shape_of(self, form: Any) -> dict[str, Any]:
        """A PATCH takes only what is to change."""
        shape = object_schema(form.base_fields)
        return {name: one for name, one in shape.items() if self.method != "PATCH" or name != "required"}

    def get_examples(self) -> list[OpenApiExample]:
        examples = getattr(self.view, "examples", None)
        return list(examples.get(self.method, ())) if examples else super().get_examples()

    def get_response_serializers(self) -> Any:
        answers = self.answers()
        if not answers:
            return super().get_response_serializers()
        errors = {(status, MEDIA_TYPE): problem_of(status) for status in self._errors()}
        unchanged = {UNCHANGED: OpenApiResponse(description=_("Not modified"))} if self.method == "GET" else {}
        return {**answers, **unchanged, **errors}

    def get_override_parameters(self) -> list[Any]:
        if not self.answers():
            return super().get_override_parameters()
        return [*self._of_path(), *self._of_query(), *self._of_header(), *self._of_answers()]

    def answers(self) -> dict[Any, Any]:
        return dict(getattr(self.view, "answers", {}).get(self.method, {}))

    def _errors(self) -> list[int]:
        errors = set(READ_ERRORS if self.method == "GET" else WRITE_ERRORS)
        if "{" in self.path or "version" in getattr(self.view, "query", ()):
            errors.add(404)
        if self._takes_if_match():
            errors.add(412)
        return sorted(errors)

    def _of_path(self) -> list[OpenApiParameter]:
        if "{number}" not in self.path:
            return []
        shape = {"type": "string", "pattern": r"^[0-9-]{13,15}$", "examples": ["2611220000427"]}
        return [OpenApiParameter("number", shape, "path", description=_("The order's number"))]

    def _of_query(self) -> list[OpenApiParameter]:
        if self.method != "GET":
            return []
        view: Any = self.view
        found = []
        if view.sparse:
            known = list(view.sparse().get_fields())
            told = _("Only these fields, with commas between them: %(names)s") % {"names": ", ".join(known)}
            found.append(OpenApiParameter("fields", TEXT, description=told))
        if view.pager:
            whole = {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": DEFAULT}
            found += [
                OpenApiParameter("limit", whole, description=_("Rows a page")),
                OpenApiParameter(
                    "cursor", TEXT, description=_("Where a page begins: out of the `next` of the one before")
                ),
                OpenApiParameter("ordering", str, enum=view.pager.names, default=view.pager.default),
            ]
        if filters := getattr(view, "filterset_class", None):
            found += parameters_of(filters)
        whole = {"type": "integer", "minimum": 1, "maximum": 9999}
        return found + [OpenApiParameter(name, whole) for name in view.query]

    def _of_header(self) -> list[OpenApiParameter]:
        where: Literal["header"] = "header"
        if self.method == "GET":
            told = _("The ETag of what the caller has: 304 where nothing changed")
            return [OpenApiParameter("If-None-Match", str, where, description=told)]
        if self.method != "POST":
            return self._if_match()
        hours = int(KEPT_FOR.total_seconds() // 3600)
        told = _("Sent again with the same key within %(hours)s hours, the act is done once and answered twice.")
        shape = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
        return [OpenApiParameter(HEADER, shape, where, description=told % {"hours": hours}), *self._if_match()]

    def _if_match(self) -> list[OpenApiParameter]:
        told = _("The ETag of what the caller saw: 412 where it has changed since")
        where: Literal["header"] = "header"
        return [OpenApiParameter("If-Match", str, where, description=told)] if self._takes_if_match() else []

    def _takes_if_match(self) -> bool:
        return self.method in ("PATCH", "DELETE") or (self.method == "POST" and "{number}" in self.path)

    def _of_answers(self) -> list[OpenApiParameter]:
        names = [name for name in HEADERS_OF_ANSWERS if name != "ETag" or self.method == "GET"]
        where: Literal["header"] = "header"
        told = HEADERS_OF_ANSWERS
        return [OpenApiParameter(name, str, where, description=told[name], response=[200, 201]) for name in names]


def problem_of(status: int) -> OpenApiResponse:
    codes = CODES[status]
    more: dict[str, Any] = {"fields": {"text": [_("This field is required.")]}} if status == 400 else {}
    example = OpenApiExample(codes[0], body_of(status, codes[0], _("What happened, in words."), more))
    told = " ".join(f"`{code}`" for code in codes)
    if status in WITH_ORDER:
        told += ". " + _("`order` is the order as it stands now, where there is one.")
    return OpenApiResponse(ProblemSerializer, description=told, examples=[example])


def page_of(
    serializer: type[serializers.BaseSerializer[Any]], *, paged: bool = True
) -> type[serializers.Serializer[Any]]:
    """The shape of a list's answer."""
    name = serializer.__name__.removesuffix("Serializer")
    fields: dict[str, Any] = {"results": serializer(many=True)}
    if paged:
        fields["next"] = serializers.URLField(allow_null=True, help_text=gettext_lazy("The address of the next page"))
    return type(f"{name}{'Page' if paged else 'List'}Serializer", (serializers.Serializer,), fields)


def share(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """Problems and headers that every operation has stand once, under `components`."""
    components = result["components"]
    responses, headers = components.setdefault("responses", {}), components.setdefault("headers", {})
    for operation in (one for path in result["paths"].values() for one in path.values()):
        for status, response in operation["responses"].items():
            if MEDIA_TYPE in response.get("content", {}):
                responses[f"Problem{status}"] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
            for name, header in response.get("headers", {}).items():
                headers[name] = header
                response["headers"][name] = {"$ref": f"#/components/headers/{name}"}
    return result

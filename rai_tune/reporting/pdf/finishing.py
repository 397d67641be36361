"""What pikepdf adds after the compiler: signature fields with their tags, compression and an identifier from the content. Internal.

Typst cannot write form fields. Each field gets a widget, a structure element ``Form`` that refers to it, and a name for readers, as
PDF/UA-1 (ISO 14289-1, 7.18) asks; an empty appearance, as PDF/A-3 (ISO 19005-3, 6.3.3) asks.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.pdf.signers import SignatureField

PER_PAGE = 3
MILLIMETRE = 72 / 25.4
"""Points."""
PAGE_HEIGHT, LEFT, WIDTH = 297.0, 21.0, 168.0
FIRST_FIELD, EVERY, BOX_DOWN, BOX_HEIGHT = 56.0, 66.0, 31.5, 24.0
"""Millimetres; ``signatures.typ`` draws its boxes with the same numbers: margin 24 and introduction 32, then 66 for each field."""
SIGNATURES_EXIST, APPEND_ONLY = 1, 2
PRINT, LOCKED = 4, 128


def finish(body: bytes, fields: Sequence[SignatureField]) -> bytes:
    """The same document with fields, compressed, with an identifier that is a digest of the content."""
    import pikepdf

    with pikepdf.open(io.BytesIO(body)) as pdf:
        # Typst says that no tag is suspect. That is the default (ISO 32000-2, table 353), and some readers stumble over it.
        if "/Suspects" in pdf.Root.MarkInfo and not bool(pdf.Root.MarkInfo.Suspects):
            del pdf.Root.MarkInfo["/Suspects"]
        if fields:
            _add_fields(pdf, fields)
        made = io.BytesIO()
        pdf.save(
            made,
            deterministic_id=True,
            fix_metadata_version=False,
            compress_streams=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )
    return made.getvalue()


def _add_fields(pdf: Any, fields: Sequence[SignatureField]) -> None:
    import pikepdf

    tree = pdf.Root.StructTreeRoot
    document = tree.K[0] if isinstance(tree.K, pikepdf.Array) else tree.K
    kids, heads = _headings(document, len(fields))
    parents = pikepdf.NumberTree(tree.ParentTree)
    first_page = len(pdf.pages) - math.ceil(len(fields) / PER_PAGE)
    key = int(tree.ParentTreeNextKey)
    widgets, forms = [], []
    for place, field in enumerate(fields):
        page = pdf.pages[first_page + place // PER_PAGE].obj
        if kids[heads[place]].Pg.objgen != page.objgen:
            raise IntegrityError(f"the signature page does not have its fields where they belong ({field.name})")
        widget = pdf.make_indirect(_widget(pdf, field, page, place % PER_PAGE, key + place))
        form = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.StructElem,
                S=pikepdf.Name.Form,
                P=document,
                Pg=page,
                K=pikepdf.Dictionary(Type=pikepdf.Name.OBJR, Obj=widget, Pg=page),
            )
        )
        page.Annots = pikepdf.Array([*page.get("/Annots", ()), widget])
        page.Tabs = pikepdf.Name.S
        parents[key + place] = form
        widgets.append(widget)
        forms.append(form)
    tree.ParentTreeNextKey = key + len(fields)
    document.K = _with_forms(kids, heads, forms)
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(widgets), SigFlags=SIGNATURES_EXIST | APPEND_ONLY)


def _headings(document: Any, count: int) -> tuple[list[Any], list[int]]:
    """The children of the document, and which of them are the headings of the fields: the last of level two."""
    kids = list(document.K)
    chapter = max((place for place, kid in enumerate(kids) if str(kid.S) == "/H1"), default=-1)
    heads = [place for place, kid in enumerate(kids) if place > chapter and str(kid.S) == "/H2"]
    if chapter < 0 or len(heads) != count:
        raise IntegrityError(f"the signature page has {len(heads)} headings for {count} fields")
    return kids, heads


def _with_forms(kids: list[Any], heads: list[int], forms: list[Any]) -> Any:
    """Each form after what is said about it, before the next heading, so that it is read out in its place."""
    import pikepdf

    ends = [*heads[1:], len(kids)]
    order = kids[: heads[0]]
    for start, end, form in zip(heads, ends, forms, strict=True):
        order += [*kids[start:end], form]
    return pikepdf.Array(order)


def _widget(pdf: Any, field: SignatureField, page: Any, place: int, key: int) -> Any:
    import pikepdf

    top = PAGE_HEIGHT - (FIRST_FIELD + EVERY * place + BOX_DOWN)
    rect = [LEFT, top - BOX_HEIGHT, LEFT + WIDTH, top]
    empty = pdf.make_stream(
        b"",
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=pikepdf.Array([0, 0, _points(WIDTH), _points(BOX_HEIGHT)]),
        Resources=pikepdf.Dictionary(),
    )
    return pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Widget,
        FT=pikepdf.Name.Sig,
        T=pikepdf.String(field.name),
        TU=pikepdf.String(field.label),
        Rect=pikepdf.Array([_points(value) for value in rect]),
        F=PRINT | LOCKED,
        P=page,
        StructParent=key,
        AP=pikepdf.Dictionary(N=empty),
    )


def _points(millimetres: float) -> Any:
    from decimal import Decimal

    return Decimal(str(round(millimetres * MILLIMETRE, 3)))

"""What every PDF of this tool must be, signed or not: read back from the bytes, by other programs than those that wrote them.

Not a complete PDF/A or PDF/UA validator: it holds what can be said in a few lines about structure.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pikepdf

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIVE = {
    "/OpenAction",
    "/AA",
    "/JS",
    "/JavaScript",
    "/Launch",
    "/URI",
    "/SubmitForm",
    "/GoToR",
    "/GoToE",
    "/RichMedia",
}
"""Keys, types of actions and of annotations that do something when a file is opened or touched, or name another file."""


def structure_problems(body: bytes) -> list[str]:
    """A sentence for each thing that a report must have and this file has not; empty for a good one."""
    with pikepdf.open(io.BytesIO(body)) as pdf:
        return [
            *_syntax(body),
            *_catalog(pdf),
            *_metadata(pdf),
            *_fonts(pdf),
            *_files(pdf),
            *_actions(pdf),
            *_widgets(pdf),
        ]


def _syntax(body: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        path.write_bytes(body)
        done = subprocess.run(["qpdf", "--check", str(path)], check=False, capture_output=True, text=True)
    if done.returncode or "WARNING" in done.stderr:
        yield f"qpdf --check: {done.stderr}"


def _catalog(pdf: pikepdf.Pdf) -> Iterator[str]:
    root = pdf.Root
    if pdf.pdf_version != "1.7" or root.get("/Version", "/1.7") != "/1.7":
        yield "it is not PDF 1.7, on which PDF/A-3 stands"
    if root.get("/MarkInfo", {}).get("/Marked") is not True or root.MarkInfo.get("/Suspects", False) is not False:
        yield "it does not say that its content is tagged"
    if not str(root.get("/Lang", "")):
        yield "it names no language"
    if root.get("/ViewerPreferences", {}).get("/DisplayDocTitle") is not True:
        yield "readers would show the file's name for its title"
    profiles = [intent for intent in root.get("/OutputIntents", ()) if intent.S == "/GTS_PDFA1"]
    if len(profiles) != 1 or not profiles[0].DestOutputProfile.read_bytes():
        yield "it has no output intent with a colour profile"
    if "/StructTreeRoot" not in root or "/Encrypt" in pdf.trailer:
        yield "it has no structure tree, or is encrypted"


def _metadata(pdf: pikepdf.Pdf) -> Iterator[str]:
    with pdf.open_metadata() as meta:
        said = {name: meta.get(name) for name in ("pdfaid:part", "pdfaid:conformance", "pdfuaid:part")}
        if said != {"pdfaid:part": "3", "pdfaid:conformance": "A", "pdfuaid:part": "1"}:
            yield f"its metadata declare {said}"
        if not meta.get("dc:title"):
            yield "it has no title"


def _fonts(pdf: pikepdf.Pdf) -> Iterator[str]:
    used = [item for item in _dictionaries(pdf) if item.get("/Type") == "/FontDescriptor"]
    if not used or not all({"/FontFile", "/FontFile2", "/FontFile3"} & set(item.keys()) for item in used):
        yield "a font is not embedded"
    for item in _dictionaries(pdf):
        if item.get("/Type") == "/Font" and item.get("/Subtype") == "/Type0" and "/ToUnicode" not in item:
            yield "the text of a font cannot be copied"


def _files(pdf: pikepdf.Pdf) -> Iterator[str]:
    named = {name: spec.obj.objgen for name, spec in pdf.attachments.items()}
    related = {str(spec.UF): spec for spec in pdf.Root.get("/AF", ())}
    if named != {name: spec.objgen for name, spec in related.items()}:
        yield "attached files and associated files are not the same"
    for name, spec in related.items():
        if str(spec.get("/AFRelationship", "")) not in {"/Data", "/Source", "/Supplement"} or not str(
            spec.get("/Desc", "")
        ):
            yield f"{name} does not say what it is to the report"
        if str(spec.EF.F.get("/Subtype", "")) != "/application/json":
            yield f"{name} has no media type"


def _actions(pdf: pikepdf.Pdf) -> Iterator[str]:
    for item in _dictionaries(pdf):
        found = ACTIVE & {*map(str, item.keys()), str(item.get("/S", "")), str(item.get("/Subtype", ""))}
        if found:
            yield f"it holds {sorted(found)}"


def _widgets(pdf: pikepdf.Pdf) -> Iterator[str]:
    if "/AcroForm" not in pdf.Root:
        return
    parents = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
    fields = {field.objgen for field in pdf.Root.AcroForm.Fields}
    shown = set()
    for page in pdf.pages:
        widgets = [note for note in page.get("/Annots", ()) if note.Subtype == "/Widget"]
        if widgets and page.get("/Tabs") != "/S":
            yield "the keyboard does not go through the fields in the order of the tags"
        for widget in widgets:
            shown.add(widget.objgen)
            yield from _widget(widget, parents)
    if shown != fields:
        yield "a field is on no page, or on two"


def _widget(widget: Any, parents: pikepdf.NumberTree) -> Iterator[str]:
    name = str(widget.T)
    if not str(widget.get("/TU", "")):
        yield f"{name} has no name for a screen reader"
    form = parents[int(widget.StructParent)]
    if form.S != "/Form" or form.K.Type != "/OBJR" or form.K.Obj.objgen != widget.objgen:
        yield f"{name} is not in the structure tree"
    elif form.objgen not in {kid.objgen for kid in form.P.K}:
        yield f"the parent of {name} does not know it"
    if not int(widget.F) & 4 or int(widget.F) & 3 or "/N" not in widget.get("/AP", {}):
        yield f"{name} is hidden, or would not be printed"


def _dictionaries(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every dictionary of the file, those inside others and of streams included."""
    stack: list[Any] = list(pdf.objects)
    while stack:
        item = stack.pop()
        if isinstance(item, pikepdf.Stream):
            item = item.stream_dict
        if isinstance(item, pikepdf.Dictionary):
            yield item
            stack += [each for each in dict(item).values() if isinstance(each, pikepdf.Object) and not each.is_indirect]
        elif isinstance(item, pikepdf.Array):
            stack += [each for each in item if isinstance(each, pikepdf.Object) and not each.is_indirect]

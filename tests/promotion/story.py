"""A small workspace told from fixed keys and times: a run, three people, a promotion; and its bundle. No database, no clock.

Used by the tests of bundles and by ``tests/golden/make.py``. Loaded by path, because tests are no package.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rai_tune.core import AuditResult, Bound, Measurement, canonical_json, sha256_json
from rai_tune.gate import Decision, Evidence, Policy, evaluate, policy_digest
from rai_tune.gate.decision import Attestation, SignOff, Waiver
from rai_tune.promotion import merkle
from rai_tune.promotion.bundle import ledger_files, pack
from rai_tune.promotion.dsse import IN_TOTO, seal
from rai_tune.promotion.keys import key_id_of, public_pem
from rai_tune.promotion.ledger import ENTRY_SCHEMA, HEAD_SCHEMA, HEAD_TYPE, Head, LedgerEntry
from rai_tune.promotion.records import statement, statement_digest

RUN = "hiring-demo-1a2b3c4d"
DAY = "2026-11-26"
ORGANISATION = {"origin": "organisation", "source": "Set by the organisation for this example"}


def key(name: str) -> Ed25519PrivateKey:
    """A key that anybody can make again: it protects nothing."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"rai-tune test key: {name}".encode()).digest())


def time(minute: int) -> str:
    return f"{DAY}T{9 + minute // 60:02d}:{minute % 60:02d}:00.000000Z"


class Chain:
    """A ledger in memory, written as the contract of the formats says, entry by entry."""

    def __init__(self, own: Ed25519PrivateKey | None = None) -> None:
        self.own = own or key("workspace")
        self.entries: list[LedgerEntry] = []
        public = self.own.public_key()
        self.add("workspace", [("workspace", key_id_of(public))], {"public": public_pem(public)})

    @property
    def texts(self) -> list[str]:
        return [entry.entry for entry in self.entries]

    def add(
        self,
        kind: str,
        subject: list[tuple[str, str]],
        predicate: dict[str, Any],
        signer: Ed25519PrivateKey | None = None,
        run: str | None = None,
        at: str | None = None,
    ) -> LedgerEntry:
        seq = len(self.entries)
        moment = at or time(seq)
        body = statement(kind, subject, {"at": moment, **predicate})
        return self.place(kind, seal(body, IN_TOTO, signer or self.own), run, moment)

    def place(self, kind: str, envelope: str, run: str | None, at: str) -> LedgerEntry:
        digest = hashlib.sha256(envelope.encode()).hexdigest()
        fields = {"schema": ENTRY_SCHEMA, "seq": len(self.entries), "kind": kind, "at": at, "envelope": digest}
        text = canonical_json(fields).decode()
        leaf = merkle.leaf_hash(text.encode()).hex()
        self.entries.append(LedgerEntry(len(self.entries), kind, at, run, text, envelope, leaf))
        return self.entries[-1]

    def register(self, person: str, roles: list[str], named: Ed25519PrivateKey | None = None) -> LedgerEntry:
        public = (named or key(person)).public_key()
        body = {"person": person, "roles": roles, "public": public_pem(public), "vouched": False}
        return self.add("key", [(f"key/{person}", key_id_of(public))], body)

    def revoke(self, person: str) -> LedgerEntry:
        known = key_id_of(key(person).public_key())
        return self.add(
            "revocation", [(f"key/{person}", known)], {"person": person, "key_id": known, "reason": "laptop lost"}
        )

    def root(self, size: int | None = None) -> str:
        leaves = [bytes.fromhex(entry.leaf) for entry in self.entries]
        return merkle.root(leaves[: len(leaves) if size is None else size]).hex()

    def head(self, size: int | None = None) -> Head:
        size = len(self.entries) if size is None else size
        root, at = self.root(size), self.entries[size - 1].at
        origin = key_id_of(self.own.public_key())
        body = {"schema": HEAD_SCHEMA, "origin": origin, "size": size, "root": root, "at": at}
        return Head(size, root, at, seal(body, HEAD_TYPE, self.own))


def pack_of(**changes: Any) -> Policy:
    """A pack with a control of each kind that a bundle's check looks into."""
    bound = {
        "kind": "bound",
        "audit": "task_quality",
        "metric": "accuracy",
        "over": "overall",
        "direction": "at_least",
    }
    control = {"reference": "Example, section 1", "asks": "An example of a control.", "severity": "block"}
    body = {
        "schema": "rai-tune/policy/v1",
        "id": "example",
        "version": "1.0.0",
        "title": "An example",
        "issuer": "The organisation that runs this tool",
        "summary": "A pack for the tests of bundles.",
        "status": "organisation",
        "verified_on": DAY,
        "sources": ["tests/promotion/story.py"],
        "controls": [
            {
                **control,
                "id": "EX-01",
                "title": "It does its task",
                "mode": "automated",
                "check": {**bound, "threshold": {"value": 0.7, **ORGANISATION}},
            },
            {
                **control,
                "id": "EX-02",
                "title": "It does its task very well",
                "mode": "automated",
                "check": {**bound, "threshold": {"value": 0.95, **ORGANISATION}},
            },
            {**control, "id": "EX-03", "title": "Oversight", "mode": "attestation"},
            {
                **control,
                "id": "EX-04",
                "title": "A reviewer signed",
                "mode": "automated",
                "check": {"kind": "signature", "role": "reviewer", "people": {"value": 1, **ORGANISATION}},
            },
            {
                **control,
                "id": "EX-05",
                "title": "The rule came first",
                "mode": "automated",
                "check": {"kind": "ordering"},
            },
        ],
        **changes,
    }
    return Policy.model_validate(body)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


MODEL = {"adapter.safetensors": digest_of("weights"), "decision.json": digest_of("decision")}
MODEL_DIGEST = sha256_json(MODEL)
PREDICTIONS = digest_of("predictions")
FILES = [(f"model/{name}", digest) for name, digest in sorted(MODEL.items())]
BASE = [("base/model.safetensors", digest_of("base"))]


def result() -> AuditResult:
    """One audit with one number: 180 of 200 right, with one-sided Wilson bounds at 0.05 worked out by hand elsewhere."""
    ends = (("lower", 0.8601), ("upper", 0.9294))
    bounds = tuple(Bound(side=side, alpha=0.05, value=value, method="wilson") for side, value in ends)
    accuracy = Measurement(
        audit="task_quality",
        metric="accuracy",
        estimate=0.9,
        low=0.8506,
        high=0.9343,
        method="wilson",
        n=200,
        split="test",
        bounds=bounds,
    )
    return AuditResult(
        audit="task_quality",
        suite="rai-audits",
        version="1",
        measurements=(accuracy,),
        inputs={"predictions": PREDICTIONS, "model": MODEL_DIGEST},
        seed=7,
        duration_s=0.5,
    )


class Story:
    """Ann makes a run, Rosa reviews it, Ben attests, waives one control and promotes it. Edit ``chain`` before ``bundle()``."""

    def __init__(self, policy: Policy | None = None, own: Ed25519PrivateKey | None = None) -> None:
        self.policy = policy or pack_of()
        self.digest = policy_digest(self.policy)
        self.chain = Chain(own)
        for person, roles in (("Ann", ["author"]), ("Rosa", ["reviewer"]), ("Ben", ["reviewer", "approver"])):
            self.chain.register(person, roles)
        self.statement = statement("evidence", [*FILES, *BASE, ("predictions.parquet", PREDICTIONS)], self.evidence())
        self.said = statement_digest(self.statement)
        evidence = self.chain.place("evidence", seal(self.statement, IN_TOTO, self.chain.own), RUN, time(4))
        self.evidence_envelope = evidence.envelope
        self.sign("Ann", "author")
        self.sign("Rosa", "reviewer")
        self.attest("Ben", "EX-03", "Two operators read every refusal on the same day and may overrule it.")
        self.waive("Ben", "EX-02", "2027-01-31")

    def evidence(self) -> dict[str, Any]:
        found = result()
        return {
            "at": time(4),
            "run": {
                "id": RUN,
                "name": "hiring-demo",
                "created_at": f"{DAY}T08:00:00.000000Z",
                "recipe_digest": digest_of("recipe"),
                "parent": None,
                "author_key": key_id_of(key("Ann").public_key()),
            },
            "model_digest": MODEL_DIGEST,
            "predictions_digest": PREDICTIONS,
            "inputs": {"data": digest_of("data"), "base": digest_of("base"), "test": digest_of("test")},
            "policies": {self.policy.id: self.digest},
            "frozen_at": f"{DAY}T08:00:00.000000Z",
            "evaluation_started_at": f"{DAY}T08:30:00.000000Z",
            "reaudited": [],
            "results": [
                {
                    "audit": found.audit,
                    "suite": found.suite,
                    "version": found.version,
                    "seed": found.seed,
                    "status": found.status,
                    "reason": found.reason,
                    "inputs": dict(found.inputs),
                    "artifacts": {},
                    "digest": sha256_json(found.to_json()),
                }
            ],
            "measurements": [item.to_json() for item in found.measurements],
            "groups": {"sex": ["female", "male"]},
            "facts": {"data": {"rows": 1000}},
            "environment": {"python": "3.11"},
        }

    def sign(self, person: str, role: str, **changes: Any) -> LedgerEntry:
        body = {
            "run": RUN,
            "role": role,
            "person": person,
            "comment": "",
            "model_digest": MODEL_DIGEST,
            "policies": {self.policy.id: self.digest},
            "outcomes": {self.policy.id: "fail"},
            **changes,
        }
        return self.chain.add("signoff", [("evidence", self.said)], body, key(person), RUN)

    def about(self, control: str, person: str) -> dict[str, Any]:
        return {
            "run": RUN,
            "policy": self.policy.id,
            "policy_digest": self.digest,
            "control": control,
            "model_digest": MODEL_DIGEST,
            "person": person,
        }

    def attest(self, person: str, control: str, text: str) -> LedgerEntry:
        body = {**self.about(control, person), "text": text}
        return self.chain.add("attestation", [("model", MODEL_DIGEST)], body, key(person), RUN)

    def waive(self, person: str, control: str, until: str) -> LedgerEntry:
        body = {**self.about(control, person), "reason": "accepted for the pilot", "until": until}
        return self.chain.add("waiver", [("model", MODEL_DIGEST)], body, key(person), RUN)

    def gate_evidence(self) -> Evidence:
        """What the engine reads, from the ledger as it stands; everybody's key counts."""
        people: dict[str, list[Any]] = {"signoff": [], "attestation": [], "waiver": []}
        for entry in self.chain.entries:
            body = entry.predicate
            who = {"person": body.get("person"), "at": entry.at, "key_id": ""}
            bound = {
                "policy_id": body.get("policy"),
                **{name: body.get(name) for name in ("policy_digest", "control", "model_digest")},
            }
            if entry.kind == "signoff":
                said = entry.statement["subject"][0]["digest"]["sha256"]
                people["signoff"].append(SignOff(role=body["role"], statement=said, **who))
            elif entry.kind == "attestation":
                people["attestation"].append(Attestation(text=body["text"], **bound, **who))
            elif entry.kind == "waiver":
                people["waiver"].append(Waiver(reason=body["reason"], until=body["until"], **bound, **who))
        body = self.statement["predicate"]
        return Evidence(
            run_id=RUN,
            state="completed",
            results=(result(),),
            groups={name: tuple(values) for name, values in body["groups"].items()},
            model_digest=MODEL_DIGEST,
            predictions_digest=PREDICTIONS,
            frozen_policies=body["policies"],
            test_openings=1,
            frozen_at=body["frozen_at"],
            evaluation_started_at=body["evaluation_started_at"],
            facts={**body["facts"], "run": {"test_openings": 1}},
            author="Ann",
            statement=self.said,
            attestations=tuple(people["attestation"]),
            signoffs=tuple(people["signoff"]),
            waivers=tuple(people["waiver"]),
        )

    def decision(self, day: str = DAY) -> Decision:
        return evaluate((self.policy, self.digest), self.gate_evidence(), as_of=date.fromisoformat(day))

    def seqs(self, kind: str) -> list[int]:
        return [entry.seq for entry in self.chain.entries if entry.kind == kind]

    def promote(self, person: str = "Ben", **changes: Any) -> LedgerEntry:
        seq = len(self.chain.entries)
        body = {
            "alias": "production",
            "run": RUN,
            "sequence": seq,
            "previous": self.chain.root(),
            "model_digest": MODEL_DIGEST,
            "statement": self.said,
            "decisions": [self.decision().with_digest()],
            **{f"{kind}s": self.seqs(kind) for kind in ("signoff", "attestation", "waiver")},
            "person": person,
            "rollback_of": None,
            **changes,
        }
        served = body.pop("served", [*FILES, *BASE])
        return self.chain.add("promotion", served, body, key(person), RUN)

    def files(self, decision: dict[str, Any] | None = None) -> dict[str, bytes]:
        """Every file of the bundle but the manifest."""
        body = self.policy.model_dump(mode="json", exclude_none=True)
        decided = self.decision().to_json() if decision is None else decision
        kept = [entry for entry in self.chain.entries if entry.run_id == RUN or entry.run_id is None]
        return {
            "statement.json": self.evidence_envelope.encode(),
            f"policies/{self.policy.id}.json": canonical_json(body),
            f"decisions/{self.policy.id}.json": canonical_json(decided),
            "documents/README.txt": b"A document, such as the report.\n",
            **ledger_files(self.chain.texts, kept, self.chain.head()),
        }

    def bundle(self, files: dict[str, bytes] | None = None) -> bytes:
        return pack(RUN, self.files() if files is None else files, self.chain.head(), self.chain.own)


def promoted(policy: Policy | None = None, own: Ed25519PrivateKey | None = None) -> Story:
    """The whole story, up to the promotion."""
    story = Story(policy, own)
    story.promote()
    return story

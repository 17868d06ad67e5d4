//! The fields of each kind. Where a kind's spec is listed here, unknown fields
//! of it are dropped, as the real server drops them.

use super::shape::Shape::{
    Any, Bool, Int, List, Map, MicroTime, Open, Optional, Struct, Text, Word,
};
use super::shape::{Fields, Shape};
use crate::kinds::Kind;

const TEXTS: Shape = Map(&Text);

pub(crate) const META: Shape = Struct(&[
    ("name", Word),
    ("generateName", Word),
    ("namespace", Word),
    ("uid", Word),
    ("resourceVersion", Word),
    ("generation", Int),
    ("creationTimestamp", Word),
    ("deletionTimestamp", Word),
    ("deletionGracePeriodSeconds", Int),
    ("labels", TEXTS),
    ("annotations", TEXTS),
    (
        "ownerReferences",
        List(&Struct(&[
            ("apiVersion", Word),
            ("kind", Word),
            ("name", Word),
            ("uid", Word),
            ("controller", Bool),
            ("blockOwnerDeletion", Bool),
        ])),
    ),
    ("finalizers", List(&Text)),
]);

const REFERENCE: Shape = Optional(&[
    ("kind", Word),
    ("namespace", Word),
    ("name", Word),
    ("uid", Word),
    ("apiVersion", Word),
    ("resourceVersion", Word),
    ("fieldPath", Word),
]);

const PORTS: Shape = List(&Struct(&[
    ("name", Word),
    ("port", Int),
    ("protocol", Word),
    ("appProtocol", Word),
]));

const ADDRESSES: Shape = List(&Struct(&[
    ("ip", Word),
    ("hostname", Word),
    ("nodeName", Word),
    ("targetRef", REFERENCE),
]));

const ENDPOINTS: Fields = &[(
    "subsets",
    List(&Struct(&[
        ("addresses", ADDRESSES),
        ("notReadyAddresses", ADDRESSES),
        ("ports", PORTS),
    ])),
)];

const CONFIG_MAP: Fields = &[("immutable", Bool), ("data", TEXTS), ("binaryData", TEXTS)];

const LEASE: Fields = &[(
    "spec",
    Struct(&[
        ("holderIdentity", Text),
        ("leaseDurationSeconds", Int),
        ("acquireTime", MicroTime),
        ("renewTime", MicroTime),
        ("leaseTransitions", Int),
        ("strategy", Text),
        ("preferredHolder", Text),
    ]),
)];

const ENDPOINT_SLICE: Fields = &[
    ("addressType", Word),
    (
        "endpoints",
        List(&Struct(&[
            ("addresses", List(&Text)),
            (
                "conditions",
                Struct(&[("ready", Bool), ("serving", Bool), ("terminating", Bool)]),
            ),
            ("hostname", Text),
            ("targetRef", REFERENCE),
            ("deprecatedTopology", TEXTS),
            ("nodeName", Text),
            ("zone", Text),
            ("hints", Any),
        ])),
    ),
    (
        "ports",
        List(&Struct(&[
            ("name", Text),
            ("protocol", Text),
            ("port", Int),
            ("appProtocol", Text),
        ])),
    ),
];

const CONTAINERS: Shape = List(&Open(&[
    ("name", Word),
    ("image", Word),
    ("env", List(&Open(&[]))),
    ("ports", List(&Open(&[]))),
]));

const POD: Fields = &[
    (
        "spec",
        Open(&[
            ("containers", CONTAINERS),
            ("initContainers", CONTAINERS),
            ("nodeName", Word),
            ("terminationGracePeriodSeconds", Int),
        ]),
    ),
    (
        "status",
        Open(&[("phase", Word), ("conditions", List(&Open(&[])))]),
    ),
];

const SERVICE: Fields = &[
    (
        "spec",
        Open(&[
            ("clusterIP", Word),
            ("type", Word),
            ("selector", TEXTS),
            ("ports", List(&Open(&[("name", Word), ("port", Int)]))),
        ]),
    ),
    ("status", Open(&[])),
];

const NAMESPACE: Fields = &[("spec", Open(&[])), ("status", Open(&[]))];

pub(super) const fn of(kind: Kind) -> Fields {
    match kind {
        Kind::ConfigMap => CONFIG_MAP,
        Kind::Endpoints => ENDPOINTS,
        Kind::EndpointSlice => ENDPOINT_SLICE,
        Kind::Lease => LEASE,
        Kind::Namespace => NAMESPACE,
        Kind::Pod => POD,
        Kind::Service => SERVICE,
    }
}

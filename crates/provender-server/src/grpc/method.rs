//! The methods that the server answers.

/// Every method that is counted on its own, and all others together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Online,
    ServingOnline,
    Push,
    Write,
    Info,
    Check,
    Watch,
    Reflect,
    Other,
}

impl Method {
    pub(crate) const ALL: [Self; 9] = [
        Self::Online,
        Self::ServingOnline,
        Self::Push,
        Self::Write,
        Self::Info,
        Self::Check,
        Self::Watch,
        Self::Reflect,
        Self::Other,
    ];

    /// Its service and its name.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        const FEATURES: &str = "GrpcFeatureServer";
        const SERVING: &str = "feast.serving.ServingService";
        const HEALTH: &str = "grpc.health.v1.Health";
        match self {
            Self::Online => (FEATURES, "GetOnlineFeatures"),
            Self::ServingOnline => (SERVING, "GetOnlineFeatures"),
            Self::Push => (FEATURES, "Push"),
            Self::Write => (FEATURES, "WriteToOnlineStore"),
            Self::Info => (SERVING, "GetFeastServingInfo"),
            Self::Check => (HEALTH, "Check"),
            Self::Watch => (HEALTH, "Watch"),
            Self::Reflect => ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
            Self::Other => ("other", "other"),
        }
    }

    /// The method of a path, `/service/method`.
    pub(crate) fn of(path: &str) -> Self {
        let named =
            |method: &Self| path.strip_prefix('/').and_then(|p| p.split_once('/')) == Some(method.names());
        Self::ALL.into_iter().find(named).unwrap_or(Self::Other)
    }

    /// Whether it is of Feast's services: one message in, one message out.
    pub(super) fn is_unary(self) -> bool {
        matches!(self, Self::Online | Self::ServingOnline | Self::Push | Self::Write | Self::Info)
    }

    /// Whether it does work that is limited; the others answer at any time.
    pub(super) fn works(self) -> bool {
        self.is_unary() && self != Self::Info
    }
}

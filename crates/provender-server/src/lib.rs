//! HTTP feature server over one FeatureStore

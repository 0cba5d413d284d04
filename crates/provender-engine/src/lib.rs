//! FeatureStore over the store traits: plan, apply, historical, materialize, online, push

"""Training side of FlexAvatar for Babylon.js: head model build, synthetic data, networks, export."""

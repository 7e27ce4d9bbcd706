// Buckets that are too full for sortTies. First three words: arguments of dispatchWorkgroupsIndirect for sortCrowded.
struct Crowded {
    count: u32,
    countY: u32,
    countZ: u32,
    buckets: array<u32>,
}

// Written by sortScan. First four words: arguments of drawIndirect. Last three: arguments of dispatchWorkgroupsIndirect for sortCrowded.
struct DrawArgs {
    vertexCount: u32, // 6 per visible splat
    instanceCount: u32,
    firstVertex: u32,
    firstInstance: u32,
    visibleCount: u32, // splats that survived culling = entries of order
    crowdedCount: u32, // buckets with more than CrowdedSize records
    crowdedY: u32,
    crowdedZ: u32,
}

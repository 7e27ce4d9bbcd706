// Written by the sort. First four words: arguments of drawIndirect.
struct DrawArgs {
    vertexCount: u32, // 3 per visible splat
    instanceCount: u32,
    firstVertex: u32,
    firstInstance: u32,
    visibleCount: u32, // splats that survived culling = entries of order
}

// What the sort kernels need to know of a view.
struct SortParams {
    recordCount: u32, // keys to sort, culled ones included
}

/** Which graphics adapters are none. */

/**
 * @param info of an adapter or a device
 * @returns whether the processor does its work
 */
export function IsSoftwareAdapter(info: GPUAdapterInfo): boolean {
    return (
        info.isFallbackAdapter === true ||
        /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.architecture} ${info.device} ${info.description}`)
    );
}

/**
 * Software rasterisers run networks two orders of magnitude slower than WebAssembly does.
 * @returns whether the device belongs to one
 */
export function IsSoftwareDevice(device: GPUDevice): boolean {
    const info = (device as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
    return info !== undefined && IsSoftwareAdapter(info);
}

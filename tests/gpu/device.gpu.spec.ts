describe("test bench", () => {
    it("has a WebGPU device", async () => {
        const adapter = await navigator.gpu.requestAdapter();
        const device = await adapter!.requestDevice();
        expect(device.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8);
        device.destroy();
    });
});

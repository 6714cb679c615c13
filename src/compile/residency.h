// Which tensors between kernels live in VMEM: their makers write them there and their readers read them in place, so no
// byte of them goes to far memory (docs/compiler.md, section 2).
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "compile/kernel.h"

namespace systole::compile {

constexpr const char* kResidencyPass = "residency";

// Sets Storage::in_vmem and vmem_address for the tensors that save most far traffic per byte and kernel of VMEM they hold.
// With several cores: of kernels so small that every core computes all of them rather than wait for the others
// (Kernel::replicated). banned: per storage, never this one. A product whose sums would be stored as they are goes through the vector unit.
void place_in_vmem(KernelGraph& kernels, const Chip& chip, const std::vector<bool>& banned);

constexpr const char* kPrefetchPass = "prefetch";

// Per kernel, where the bytes above all tensors that live in VMEM while it runs begin.
std::vector<std::int64_t> vmem_bases(const KernelGraph& kernels);

// Bans the tensors that live in VMEM while `kernel` runs; false if there are none.
bool ban_residents(const KernelGraph& kernels, int kernel, std::vector<bool>& banned);

std::string print_residents(const KernelGraph& kernels);

}  // namespace systole::compile

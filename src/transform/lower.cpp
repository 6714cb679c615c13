#include "transform/lower.h"

#include "transform/passes.h"

namespace systole::transform {

const std::vector<Pass>& lowering_passes() {
  static const std::vector<Pass> passes = {
      {"types", false, convert_types},
      {"quantised", false, contract_integers},
      {"fold", false, fold_constants},
      {"simplify", true, simplify},
      {"scale", true, fold_scale},
      {"spatial", false, two_spatial_dimensions},
      {"layout", false, assign_layout},
      {"transposed-convolution", false, decompose_transposed_convolution},
      {"dynamic", false, gather_dynamic_slices},
      {"windows", false, normalise_windows},
      {"padding", false, normalise_padding},
      {"dots", false, canonicalise_dots},
      {"integers", false, place_integers},
      {"operators", false, normalise_operators},
      {"placement", true, place_convolutions},
      {"format", false, apply_format},
      {"narrow", true, narrow_movement},
      {"fold-again", false, fold_constants},
      {"simplify-again", true, simplify},
  };
  return passes;
}

Expected<graph::Graph> lower(graph::Graph graph, const Target& target, const LowerOptions& options) {
  for (const std::string& name : options.disabled) {
    const auto& passes = lowering_passes();
    const auto pass = std::find_if(passes.begin(), passes.end(), [&](const Pass& p) { return p.name == name; });
    if (pass == passes.end())
      return invalid_input("lowering", "no pass is called '" + name + "'", "see docs/passes.md");
    if (!pass->optional) return invalid_input("lowering", "pass '" + name + "' cannot be switched off");
  }
  for (const Pass& pass : lowering_passes()) {
    const bool disabled =
        std::find(options.disabled.begin(), options.disabled.end(), pass.name) != options.disabled.end();
    if (pass.optional && (disabled || !target.fuse)) continue;
    SYSTOLE_TRY(pass.run(graph, target));
    if (Status status = graph::verify(graph); !status.ok()) {
      return Error{ErrorCode::kInternal, "pass '" + pass.name + "'", status.error().text(), "a bug in this pass"};
    }
    if (options.after) options.after(pass.name, graph);
  }
  SYSTOLE_TRY(check_lowered(graph));
  return graph;
}

}  // namespace systole::transform

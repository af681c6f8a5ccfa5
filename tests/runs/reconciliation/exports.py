"""Exports as providers write them, with made-up figures."""

from __future__ import annotations

OPENAI_USAGE = """\
start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,\
service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens
1762905600,1762992000,2025-11-12T00:00:00+00:00,2025-11-13T00:00:00+00:00,proj_a,10.0,user-a,key_A,gpt-4o-2024-08-06,\
FALSE,default,59200.0,10646.0,5760.0,53440.0
1762992000,1763078400,2025-11-13T00:00:00+00:00,2025-11-14T00:00:00+00:00,proj_a,1.0,user-a,key_A,gpt-4o-2024-08-06,\
TRUE,default,100.0,7.0,0.0,100.0
1763078400,1763164800,2025-11-14T00:00:00+00:00,2025-11-15T00:00:00+00:00,,,,,,,,,,,
"""
OPENAI_COSTS = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,user_id,\
api_key_id,project_id,organization_id
1762819200,1762905600,2025-11-11T00:00:00+00:00,2025-11-12T00:00:00+00:00,,,,,,,,,
1762905600,1762992000,2025-11-12T00:00:00,2025-11-13T00:00:00,0.003835980000000000000000000000,usd,1000,tokens,\
"gpt-4o-mini-2024-07-18, input",,key_A,proj_a,org-x
1762905600,1762992000,2025-11-12T00:00:00,2025-11-13T00:00:00,0.001,usd,400,tokens,\
"gpt-4o-mini-2024-07-18, cached input",,key_A,proj_a,org-x
1762905600,1762992000,2025-11-12T00:00:00,2025-11-13T00:00:00,0.5,usd,90,tokens,\
"priority | gpt-4o-mini-2024-07-18, output, long context",,key_A,proj_a,org-x
1762905600,1762992000,2025-11-12T00:00:00,2025-11-13T00:00:00,0.025,usd,,,web search tool calls,,,proj_a,org-x
"""
ANTHROPIC_USAGE = """\
usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,\
usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,\
web_search_count,inference_geo,speed
2025-11-12,claude-haiku-4-5-20251001,demo-key,Default,standard,≤ 200k,1000,200,30,4000,500,2,global,
"""
ANTHROPIC_COSTS = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,\
inference_geo,speed
2025-11-12,Claude Haiku 4.5,Default,demo-key,message,≤ 200k,input_no_cache,0.05,0.05,token,global,
2025-11-12,Claude Haiku 4.5,Default,demo-key,message,≤ 200k,output,0.02,0.02,token,global,
2025-11-12,,Default,demo-key,message,,,0.02,0.02,web_search,global,
"""
OPENAI_USAGE_JSON = """\
{"object": "page", "data": [{"object": "bucket", "start_time": 1762905600, "end_time": 1762992000, "results": [
  {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 500,
   "input_cached_tokens": 800, "num_model_requests": 5, "project_id": null, "user_id": null, "api_key_id": "key_A",
   "model": "gpt-4o-2024-08-06", "batch": false},
  {"object": "organization.usage.images.result", "images": 3, "num_model_requests": 1}
]}], "has_more": false, "next_page": null}
"""
OPENAI_COSTS_JSON = """\
{"object": "page", "data": [{"object": "bucket", "start_time": 1762905600, "end_time": 1762992000, "results": [
  {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
   "line_item": "gpt-4o-2024-08-06, input", "project_id": null},
  {"object": "organization.costs.result", "amount": {"value": "0.01", "currency": "usd"},
   "line_item": "web search tool calls", "project_id": null}
]}], "has_more": true, "next_page": "AAAA"}
"""
ANTHROPIC_USAGE_JSON = """\
{"data": [{"starting_at": "2025-11-12T00:00:00Z", "ending_at": "2025-11-13T00:00:00Z", "results": [
  {"api_key_id": "apikey_1", "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
   "cache_read_input_tokens": 200, "context_window": "0-200k", "model": "claude-sonnet-4-20250514",
   "output_tokens": 500, "server_tool_use": {"web_search_requests": 10}, "service_tier": "standard",
   "uncached_input_tokens": 1500, "workspace_id": null}
]}], "has_more": false, "next_page": null}
"""
ANTHROPIC_COSTS_JSON = """\
{"data": [{"starting_at": "2025-11-12T00:00:00Z", "ending_at": "2025-11-13T00:00:00Z", "results": [
  {"amount": "123.45", "currency": "USD", "cost_type": "tokens", "description": "Claude Sonnet 4 Usage - Input Tokens",
   "model": "claude-sonnet-4-20250514", "token_type": "uncached_input_tokens", "workspace_id": null},
  {"amount": "50", "currency": "USD", "cost_type": "web_search", "model": null, "workspace_id": null}
]}], "has_more": false}
"""
OTHERS = """\
Date,Slug,Usage,Requests,Prompt Tokens,Completion Tokens
2025-11-12,anthropic/claude-haiku-4.5,430.07,41,7096,300
2025-11-13,anthropic/claude-haiku-4.5,5.5,1,10,20
"""
